"""How fast the heuristic signals are on one core, and whether datatrove says the same.

Run from the root of the repository: python -m benchmarks.signals --data FOLDER [--fraction 0.1]
"""

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.curation.catalog import SIGNALS
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from app.curation.signals.warming import warm
from benchmarks.results import Place, Result
from tests.curation.signals.corpora import documents, sample

BATCH = 1000
FAMILIES = ("gopher_quality", "gopher_repetition", "fineweb", "c4", "refinedweb", "nemo_english")
SHARED = ("corpus", "tokens", "lines", "split_lines")
STEPS = (*SHARED, *SIGNALS)
GROUPS: Mapping[str, Sequence[str]] = {
    "families that datatrove has": (*SHARED, *FAMILIES[:4]),
    "six web families": (*SHARED, *FAMILIES),
    "all signals but language": [step for step in STEPS if step != "language"],
    "all signals": STEPS,
}
WANTED_RATIO = 40
WANTED_SAME = 0.99
# datatrove would take hours for all of them.
COMPARED = 0.1


def measure(place: Place) -> Iterator[Result]:
    """Speed of groups of signals over all corpora, and speed and verdicts beside datatrove's."""
    warm()
    share = min(1.0, place.rows / 1_000_000)
    corpora = documents(place.data).values()
    yield from _beside_datatrove(
        [text for each in corpora for text in sample(each, share * COMPARED)]
    )
    texts = [text for each in corpora for text in sample(each, share)]
    seconds = spent(texts)
    for name in list(GROUPS)[1:]:
        yield Result(f"signals: {name}", f"{_speed(texts, seconds, name):.1f} MB/s a core")


def _beside_datatrove(texts: Sequence[str]) -> Iterator[Result]:
    name = next(iter(GROUPS))
    ours = _speed(texts, spent(texts), name)
    what, found, wanted = f"signals: {name}", f"{ours:.1f} MB/s a core", f"{WANTED_RATIO} x"
    if find_spec("datatrove") is None:
        yield Result(what, found, wanted, "datatrove is not installed")
        return
    oracle = import_module("tests.curation.signals.datatrove_rules")
    theirs = megabytes(texts) / filtering(texts, oracle)
    ratio = ours / theirs
    peer = f"datatrove 0.10.1: {theirs:.2f} MB/s"
    yield Result(what, f"{found}, {ratio:.0f} x", wanted, peer, ratio >= WANTED_RATIO)
    rule, same = min(agreement(texts, oracle).items(), key=lambda each: each[1])
    yield Result(
        "signals: rule on which datatrove agrees least",
        f"{same:.2%} of {len(texts):,} documents",
        f"{WANTED_SAME:.0%}",
        f"`{rule}`",
        same >= WANTED_SAME,
    )


def _speed(texts: Sequence[str], seconds: Mapping[str, float], group: str) -> float:
    """Megabytes a second of a group of signals with all that they share."""
    return megabytes(texts) / sum(seconds[step] for step in GROUPS[group])


def megabytes(texts: Sequence[str]) -> float:
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) / 1e6


def spent(texts: Sequence[str]) -> dict[str, float]:
    """Seconds of the shared passes and of each signal.

    Here and for datatrove it is the time of the processor: other work on the machine counts not.
    """
    seconds = dict.fromkeys(STEPS, 0.0)
    for batch in batches(texts):
        for step in STEPS:
            start = time.process_time()
            if step in SHARED:
                getattr(batch, step)
            else:
                SIGNALS[step]().score(batch)
            seconds[step] += time.process_time() - start
    return seconds


def filtering(texts: Sequence[str], oracle: Any) -> float:
    """Seconds of the four filters of datatrove, each on all texts."""
    filters = oracle.filters()
    for each in filters:
        judge(oracle, each, "Warm up.")
    start = time.process_time()
    # Document by document: datatrove keeps the words of the last texts it has seen.
    for text in texts:
        for each in filters:
            judge(oracle, each, text)
    return time.process_time() - start


def judge(oracle: Any, each: Any, text: str) -> None:
    """Run one filter of datatrove; some divide by nothing on texts without words."""
    with suppress(ZeroDivisionError, AssertionError):
        each.filter(oracle.Document(text=text, id=""))


def agreement(texts: Sequence[str], oracle: Any) -> dict[str, float]:
    """Per rule the share of texts on which datatrove comes to the same verdict."""
    ours = [row for batch in batches(texts) for row in measured(batch)]
    rules = oracle.rules()
    same = dict.fromkeys((rule.name for rule in rules), 0)
    # Document by document here too, and all rules of one before the next.
    for text, row in zip(texts, ours, strict=True):
        for rule in rules:
            same[rule.name] += rule.ours(row) == rule.verdict(text)
    return {name: count / len(texts) for name, count in same.items()}


def batches(texts: Sequence[str]) -> Iterator[Batch]:
    """Batches of plain texts."""
    for start in range(0, len(texts), BATCH):
        yield Batch([Record(Kind.TEXT, {"text": text}) for text in texts[start : start + BATCH]])


def measured(batch: Batch) -> list[dict[str, float]]:
    """The measures of the families that datatrove has too, a mapping per document."""
    rows: list[dict[str, float]] = [{} for _ in batch]
    for key in FAMILIES[:4]:
        names = [measure.name for measure in SIGNALS[key].measures]
        for row, values in zip(rows, SIGNALS[key]().score(batch).values, strict=True):
            row.update(zip(names, values.tolist(), strict=True))
    return rows


def main() -> None:
    """Print the speed of each signal and, where datatrove is installed, the agreement per rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--fraction", type=float, default=1.0)
    arguments = parser.parse_args()
    warm()
    corpora = {
        name: sample(texts, arguments.fraction) for name, texts in documents(arguments.data).items()
    }
    corpora["together"] = [text for texts in corpora.values() for text in texts]
    for name, texts in corpora.items():
        report_speed(name, texts)
    if find_spec("datatrove") is None:
        print("datatrove is not installed: no comparison.")
        return
    oracle = import_module("tests.curation.signals.datatrove_rules")
    for name, texts in corpora.items():
        report_agreement(name, sample(texts, COMPARED), oracle)


def report_speed(name: str, texts: Sequence[str]) -> None:
    """Documents and megabytes a second of each step and group."""
    seconds, size = spent(texts), megabytes(texts)
    print(f"\n{name}: {len(texts)} documents, {size:.1f} MB")
    for title, steps in [*((step, (step,)) for step in STEPS), *GROUPS.items()]:
        own = sum(seconds[step] for step in steps)
        print(f"  {title:28}{len(texts) / own:12,.0f} docs/s{size / own:9.1f} MB/s")


def report_agreement(name: str, texts: Sequence[str], oracle: Any) -> None:
    """How fast datatrove's filters are, and the share of documents on which each rule agrees."""
    own = filtering(texts, oracle)
    speed = f"{len(texts) / own:,.0f} docs/s, {megabytes(texts) / own:.2f} MB/s"
    print(f"\n{name}: four filters of datatrove {speed}")
    for rule, same in agreement(texts, oracle).items():
        print(f"  {rule:60}{same:9.2%} same")


if __name__ == "__main__":
    main()
