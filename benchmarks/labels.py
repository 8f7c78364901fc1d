"""What learners make of real labels: AUROC or Spearman on rows they did not see, beside baselines.

Each set is split five times into five folds; all answers to one question lie in one fold. A learner
sees what `winnow learn` shows it: static embeddings of question and answer, their product and
difference, and the heuristic signals. The baselines are length in words and perplexity by 3-grams
of the other half of the set, each in its better direction.
"""

import csv
import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.curation.agreement import auroc, spearman
from app.curation.catalog import LEARNERS, SIGNALS
from app.curation.learners.base import Floats, Task
from app.curation.learners.features import BLOCKS, combined, filled, middles
from app.curation.learners.reduction import Reduction
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from app.curation.text.surprise import Halves, Pairs
from app.providers import embedders
from app.providers.embedders import Tier
from benchmarks.results import Place, Result
from benchmarks.toxicity import is_held_out

Quality = Callable[[Any, Any], float]

_SEEDS, _FOLDS = 5, 5
_MOST = 1500  # rows of a set: 25 forests each
_FULL = 1_000_000
_HEURISTICS = (
    *("lengths", "readability", "gopher_quality", "gopher_repetition", "corruption", "refusal"),
    *("truncated", "factoid", "dirt", "toxicity"),
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Questions with answers and what somebody said of them; rows of a group share a question."""

    prompts: Sequence[str]
    answers: Sequence[str]
    labels: Floats
    groups: Sequence[str]

    def some(self, count: int) -> "Labelled":
        """At most so many rows, whole groups drawn by a fixed seed."""
        names = list(dict.fromkeys(self.groups))
        sizes = dict.fromkeys(names, 0)
        for name in self.groups:
            sizes[name] += 1
        kept, total = set(), 0
        for place in np.random.default_rng(0).permutation(len(names)).tolist():
            if total >= count:
                break
            kept.add(names[place])
            total += sizes[names[place]]
        rows = [row for row, name in enumerate(self.groups) if name in kept]
        return Labelled(
            [self.prompts[row] for row in rows],
            [self.answers[row] for row in rows],
            self.labels[rows],
            [self.groups[row] for row in rows],
        )


def measure(place: Place) -> Iterator[Result]:
    """Every set of labels, every learner, five seeds."""
    small = place.rows < _FULL
    for name, read in SETS.items():
        rows = read(place.data).some(80 if small else _MOST)
        yield from _compared(name, rows, place, seeds=1 if small else _SEEDS)


def _compared(name: str, rows: Labelled, place: Place, seeds: int) -> Iterator[Result]:
    classes = bool(np.isin(rows.labels, (0, 1)).all())
    metric = "AUROC" if classes else "Spearman"
    quality: Quality = auroc if classes else spearman
    words = np.array([len(one.split()) for one in rows.answers], float)
    surprise = Halves.fit(Pairs(rows.prompts, rows.answers), 3).read(
        Pairs(rows.prompts, rows.answers)
    )
    baselines = {
        "length": _either_way(quality, words, rows.labels),
        "perplexity": _either_way(quality, surprise.perplexity, rows.labels),
    }
    best = max(baselines.values())
    beside = ", ".join(f"{one} {value:.3f}" for one, value in baselines.items())
    features, embedded = _features(rows, place)
    for key, learner in LEARNERS.items():
        if not classes and not learner.numbers:
            continue
        task = Task(features, rows.labels, classes)
        found = [
            _out_of_fold(learner().lighter(), task, rows.groups, seed, quality, embedded)
            for seed in range(seeds)
        ]
        mean, spread = float(np.mean(found)), float(np.std(found))
        said = f"{metric} {mean:.3f} ± {spread:.3f}"
        what = f"labels: {name} ({len(rows.labels):,} rows), {key}"
        yield Result(what, said, f"more than {best:.3f}", beside, mean > best)


def _either_way(quality: Quality, one: Floats, labels: Floats) -> float:
    known = np.isfinite(one)
    return max(quality(sign * one[known], labels[known]) for sign in (1.0, -1.0))


def _features(rows: Labelled, place: Place) -> tuple[Floats, int]:
    """What a learner is shown, and how many of the columns are embeddings."""
    embedder = embedders.load("", Tier.STATIC, place.base / "models")
    prompts, answers = (
        embedder.embed([text or " " for text in texts]) for texts in (rows.prompts, rows.answers)
    )
    records = [
        Record(Kind.INSTRUCTION, {"instruction": prompt, "input": "", "output": answer})
        for prompt, answer in zip(rows.prompts, rows.answers, strict=True)
    ]
    batch = Batch(records)
    signals = np.hstack([SIGNALS[key]().score(batch).values for key in _HEURISTICS])
    raw = combined(prompts, answers, signals)
    return filled(raw, middles(raw)), BLOCKS * embedder.width


def _out_of_fold(
    learner: Any,
    task: Task,
    groups: Sequence[str],
    seed: int,
    quality: Quality,
    embedded: int,
) -> float:
    """The quality of scores by models that saw no row of the same question."""
    names, place = np.unique(groups, return_inverse=True)
    fold: NDArray[np.int64] = np.random.default_rng(seed).permutation(len(names)) % _FOLDS
    scores = np.zeros(len(task))
    for number in range(_FOLDS):
        held = fold[place] == number
        reduced = Reduction.fit(task.features[~held], embedded)
        known = Task(reduced.apply(task.features[~held]), task.labels[~held], task.classes)
        unseen = reduced.apply(task.features[held])
        scores[held] = learner.fit(known, seed).score(unseen)
    return quality(scores, task.labels)


# --- the sets -----------------------------------------------------------------------------------


def _made(rows: Iterator[tuple[str, str, float]]) -> Labelled:
    prompts, answers, labels = zip(*rows, strict=True)
    groups = [prompt or answer for prompt, answer in zip(prompts, answers, strict=True)]
    return Labelled(prompts, answers, np.array(labels, float), groups)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _preferred(data: Path) -> Labelled:
    """PandaLM: which of two answers most of three people preferred; ties are left out."""

    def rows() -> Iterator[tuple[str, str, float]]:
        for one in json.loads((data / "judge_pandalm" / "testset-v1.json").read_text()):
            votes = [str(one[f"annotator{number}"]) for number in (1, 2, 3)]
            winner = max(sorted(set(votes)), key=votes.count)
            if winner == "0" or votes.count(winner) < 2:
                continue
            prompt = f"{one['instruction']}\n{one['input']}".strip()
            for number in ("1", "2"):
                yield prompt, str(one[f"response{number}"]), float(winner == number)

    return _made(rows())


def _written(data: Path) -> Labelled:
    """Dolly: the answer a person wrote, or that of a weak model."""
    folder = data / "dolly_part"
    weak = {one["id"]: one["answer"] for one in _lines(folder / "flan_t5_xl_answers.jsonl")}

    def rows() -> Iterator[tuple[str, str, float]]:
        for one in _lines(folder / "dolly_first6400.jsonl.gz"):
            if one["id"] in weak:
                yield one["instruction"], one["response"], 1.0
                yield one["instruction"], weak[one["id"]], 0.0

    return _made(rows())


def _ranked(data: Path) -> Labelled:
    """OpenAssistant: the rank of a reply among its siblings, 1 for the best, 0 for the last."""

    def replies(node: Mapping[str, Any]) -> Iterator[tuple[str, str, float]]:
        ranked = [one for one in node.get("replies", ()) if one.get("rank") is not None]
        last = max((one["rank"] for one in ranked), default=0)
        for one in ranked if last else ():
            yield node["text"], one["text"], 1 - one["rank"] / last
        for one in node.get("replies", ()):
            yield from replies(one)

    def rows() -> Iterator[tuple[str, str, float]]:
        for tree in _lines(data / "oasst_sample" / "en_100_tree.jsonl"):
            yield from replies(tree.get("prompt", tree))

    return _made(rows())


def _rated(data: Path) -> Labelled:
    """UltraFeedback: the chosen and the rejected answer of a pair."""

    def rows() -> Iterator[tuple[str, str, float]]:
        for one in _lines(data / "ultrafeedback_pairs_200" / "eval_clean.jsonl"):
            yield one["prompt"], one["chosen"], 1.0
            yield one["prompt"], one["rejected"], 0.0

    return _made(rows())


def _abusive(data: Path) -> Labelled:
    """Davidson's tweets: abusive in the eyes of most who read them, or not; half of each.

    Only those that the toxicity signal, one of the features, was never learned from.
    """
    path = data / "toxicity_dev" / "davidson_labeled_data.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        tweets = [
            ("", row["tweet"], float(row["class"] != "2"))
            for row in csv.DictReader(file)
            if is_held_out(row["tweet"])
        ]
    calm = [row for row in tweets if not row[2]]
    return _made(iter(calm + [row for row in tweets if row[2]][: len(calm)]))


def _accepted(data: Path) -> Labelled:
    """Prodigy: whether an annotator accepted the label INSULT on a comment."""
    path = data / "annotation_decisions_prodigy" / "annotated_reddit-INSULT-textcat.jsonl"
    rows = (one for one in _lines(path) if one["answer"] in {"accept", "reject"})
    return _made(("", one["text"], float(one["answer"] == "accept")) for one in rows)


SETS: Mapping[str, Callable[[Path], Labelled]] = {
    "PandaLM, preferred by people": _preferred,
    "Dolly, human against weak answers": _written,
    "OpenAssistant, ranks": _ranked,
    "UltraFeedback, chosen": _rated,
    "tweets, abusive": _abusive,
    "Prodigy, insult accepted": _accepted,
}
