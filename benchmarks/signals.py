"""How fast the heuristic signals are on one core, and whether datatrove says the same.

Run from the root of the repository: python -m benchmarks.signals --data FOLDER [--fraction 0.1]
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from app.curation.catalog import SIGNALS
from app.curation.records import Kind, Record
from app.curation.signals.base import Batch
from app.curation.signals.warming import warm
from tests.curation.signals.corpora import documents, sample

BATCH = 1000
FAMILIES = ("gopher_quality", "gopher_repetition", "fineweb", "c4", "refinedweb", "nemo_english")
SHARED = ("corpus", "tokens", "lines", "split_lines")


def main() -> None:
    """Print the speed of each family and, where datatrove is installed, the agreement per rule."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--fraction", type=float, default=1.0)
    arguments = parser.parse_args()
    warm()
    for name, texts in documents(arguments.data).items():
        report_speed(name, sample(texts, arguments.fraction))
    if find_spec("datatrove") is None:
        print("datatrove is not installed: no comparison.")
        return
    oracle = import_module("tests.curation.signals.datatrove_rules")
    for name, texts in documents(arguments.data).items():
        report_agreement(name, sample(texts, arguments.fraction), oracle)


def report_speed(name: str, texts: Sequence[str]) -> None:
    """Seconds of the shared passes and of each signal, as documents and megabytes a second."""
    megabytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) / 1e6
    seconds: dict[str, float] = dict.fromkeys((*SHARED, *SIGNALS), 0.0)
    for batch in batches(texts):
        for step in seconds:
            start = time.perf_counter()
            if step in SHARED:
                getattr(batch, step)
            else:
                SIGNALS[step]().score(batch)
            seconds[step] += time.perf_counter() - start
    print(f"\n{name}: {len(texts)} documents, {megabytes:.1f} MB")
    groups = {
        "Gopher + FineWeb together": (*SHARED, *FAMILIES[:3]),
        "six web families together": (*SHARED, *FAMILIES),
        "all but language": tuple(step for step in seconds if step != "language"),
    }
    for title, steps in [*((step, (step,)) for step in seconds), *groups.items()]:
        spent = sum(seconds[step] for step in steps)
        print(f"  {title:28}{len(texts) / spent:12,.0f} docs/s{megabytes / spent:9.1f} MB/s")


def report_agreement(name: str, texts: Sequence[str], oracle: Any) -> None:
    """How fast datatrove's filters are, and the share of documents on which each rule agrees."""
    ours = [row for batch in batches(texts) for row in measured(batch)]
    filters, rules = oracle.filters(), oracle.rules()
    for each in filters:
        judge(oracle, each, "Warm up.")
    start = time.perf_counter()
    # Document by document: datatrove keeps the words of the last texts it has seen.
    for text in texts:
        for each in filters:
            judge(oracle, each, text)
    spent = time.perf_counter() - start
    theirs = [[rule.verdict(text) for rule in rules] for text in texts]
    megabytes = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) / 1e6
    speed = f"{len(texts) / spent:,.0f} docs/s, {megabytes / spent:.2f} MB/s"
    print(f"\n{name}: four filters of datatrove {speed}")
    for place, rule in enumerate(rules):
        same = sum(rule.ours(row) == found[place] for row, found in zip(ours, theirs, strict=True))
        dropped = sum(not found[place] for found in theirs)
        print(f"  {rule.name:48}{same / len(texts):9.2%} same, {dropped} dropped")


def judge(oracle: Any, each: Any, text: str) -> None:
    """Run one filter of datatrove; some divide by nothing on texts without words."""
    with suppress(ZeroDivisionError, AssertionError):
        each.filter(oracle.Document(text=text, id=""))


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


if __name__ == "__main__":
    main()
