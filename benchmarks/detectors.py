"""How well signals detect what they name, on labelled real data: precision, recall, AUROC."""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from lingua import Language
from numpy.typing import NDArray

from app.curation.agreement import auroc
from app.curation.catalog import SIGNALS
from app.curation.pii.finding import find_in
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from app.curation.text.skills import SKILLS
from benchmarks import toxicity
from benchmarks.results import Place, Result

Found = tuple[str, int, int]
Finder = Callable[[str], list[Found]]
_HERE = Path(__file__).resolve().parent
# Entities of the set that have a shape, and what we call them.
_ENTITIES = {
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "CREDIT_CARD": "card",
    "IBAN_CODE": "iban",
    "US_SSN": "ssn",
    "IP_ADDRESS": "ip",
}
_OURS = {"ipv4": "ip", "ipv6": "ip"}
_SCORE = 0.5  # of Presidio, from which a span counts
_LETTERS = 80  # characters of a text whose language is asked for
_FOLDERS = {
    "sorting": "skill_sorting",
    "searching": "skill_searching",
    "dynamic_programming": "skill_dynamic",
    "graph": "skill_graphs",
    "string": "skill_strings",
    "math": "skill_maths",
    **dict.fromkeys(
        ("data_structures", "heap", "linked_list", "queue", "stack", "tree"), "skill_structures"
    ),
}


def measure(place: Place) -> Iterator[Result]:
    """Personal data, languages, toxicity, refusals, skills."""
    yield from _personal_data(place)
    yield from _languages(place)
    yield from _toxicity(place)
    yield from _refusals(place)
    yield from _skills(place)


def _personal_data(place: Place) -> Iterator[Result]:
    path = place.data / "pii_presidio_dev" / "generated_large.json"
    rows = json.loads(path.read_text(encoding="utf-8"))
    ours = _counts(rows, _find_ours)
    peer = _counts(rows, _find_presidio()) if find_spec("presidio_analyzer") else {}
    for name, counts in ours.items():
        beside = _said(peer[name]) if peer else ""
        what = f"personal data: {name}, {counts[0] + counts[2]} in {len(rows):,} texts"
        peers = f"Presidio's patterns: {beside}" if peer else ""
        yield Result(what, _said(counts), peer=peers)


def _find_ours(text: str) -> list[Found]:
    return [(_OURS.get(hit.kind, hit.kind), *hit.span) for hit in find_in(text)]


def _find_presidio() -> Finder:
    """Presidio's own recognisers of patterns at their defaults; no model of names is loaded."""
    known = import_module("presidio_analyzer.predefined_recognizers")
    recognizers = {
        "email": known.EmailRecognizer(),
        "phone": known.PhoneRecognizer(),
        "card": known.CreditCardRecognizer(),
        "iban": known.IbanRecognizer(),
        "ssn": known.UsSsnRecognizer(),
        "ip": known.IpRecognizer(),
    }

    def find(text: str) -> list[Found]:
        found = []
        for name, one in recognizers.items():
            hits = one.analyze(text, one.supported_entities, None)
            found += [(name, hit.start, hit.end) for hit in hits if hit.score >= _least(name)]
        return found

    return find


def _least(name: str) -> float:
    """What Presidio scores without words around: numbers of phones and of people lie lower."""
    return 0.4 if name == "phone" else _SCORE


def _counts(rows: Sequence[dict[str, Any]], find: Finder) -> dict[str, list[int]]:
    """Per entity: found rightly, found wrongly, missed."""
    counts = {name: [0, 0, 0] for name in _ENTITIES.values()}
    for row in rows:
        gold = [
            (_ENTITIES[str(one["entity_type"])], one["start_position"], one["end_position"])
            for one in row["spans"]
            if one["entity_type"] in _ENTITIES
        ]
        hits = [hit for hit in find(row["full_text"]) if hit[0] in counts]
        for name, start, end in gold:
            same = [hit for hit in hits if hit[0] == name and hit[1] < end and start < hit[2]]
            counts[name][0 if same else 2] += 1
            hits = [hit for hit in hits if hit not in same]
        for name, *_ in hits:
            counts[name][1] += 1
    return counts


def _said(counts: Sequence[int]) -> str:
    right, wrong, missed = counts
    return f"precision {_share(right, wrong)}, recall {_share(right, missed)}"


def _share(part: int, rest: int) -> str:
    return f"{part / (part + rest):.3f}" if part + rest else "none"


def _languages(place: Place) -> Iterator[Result]:
    """Stretches of the declaration of human rights in the languages that lingua knows."""
    codes = {
        one.iso_code_639_3.name.lower(): one.iso_code_639_1.name.lower() for one in Language.all()
    }
    texts, wanted = [], []
    for path in sorted((place.data / "lang_udhr2").glob("*.txt")):
        code = codes.get(path.stem.partition("_")[0])
        words = path.read_text(encoding="utf-8").split()
        if code is not None and path.stem != "LICENSE":
            parts = list(stretches(words))[: max(place.part(60), 8)]
            texts += parts
            wanted += [code] * len(parts)
    labels = SIGNALS["language"]().score(Batch([_text(one) for one in texts])).labels or ()
    right = Counter(code for code, label in zip(wanted, labels, strict=True) if code == label)
    total = Counter(wanted)
    share = right.total() / total.total()
    worst = sorted((right[code] / total[code], code) for code in total)[:4]
    what = (
        f"language of {total.total():,} stretches of {_LETTERS} characters, {len(total)} languages"
    )
    said = ", ".join(f"{code} {value:.2f}" for value, code in worst)
    yield Result(what, f"{share:.1%} right; least: {said}")


def stretches(words: Sequence[str]) -> Iterator[str]:
    """Runs of words of a text, at least so many characters each."""
    part: list[str] = []
    for word in words:
        part.append(word)
        if sum(map(len, part)) + len(part) > _LETTERS:
            yield " ".join(part)
            part = []


def _toxicity(place: Place) -> Iterator[Result]:
    rows = [(name, *row) for name, row in toxicity.labelled(place.data)]
    held = [row for row in rows if toxicity.is_held_out(row[1])]
    for name in ("tweets", "comments", "concept"):
        part = [(text, truth) for each, text, truth in held if each == name]
        values = _values("toxicity", [_text(text) for text, _ in part])[:, 0]
        truths = np.array([truth for _, truth in part])
        flagged = values >= 0.5
        counts = [(flagged & truths).sum(), (flagged & ~truths).sum(), (~flagged & truths).sum()]
        found = f"AUROC {auroc(values, truths.astype(float)):.3f}; at 0.5 {_said(counts)}"
        yield Result(f"toxicity: {len(part):,} {name} never learned from", found)


def _refusals(place: Place) -> Iterator[Result]:
    labels = json.loads((_HERE / "refusal_labels.json").read_text(encoding="utf-8"))
    path = place.data / "hh_rlhf_harmless_test" / "test.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for name, part in labels.items():
        ids = part["declines"] + part["does_not"]
        answers = [rows[one][part["side"]].rpartition("\n\nAssistant:")[2].strip() for one in ids]
        records = [
            Record(Kind.INSTRUCTION, {"instruction": "?", "input": "", "output": answer})
            for answer in answers
        ]
        flagged = _values("refusal", records)[:, 0] > 0
        truths = np.arange(len(ids)) < len(part["declines"])
        counts = [(flagged & truths).sum(), (flagged & ~truths).sum(), (~flagged & truths).sum()]
        yield Result(f"refusal: {len(ids)} answers read by hand, {name}", _said(counts))


def _skills(place: Place) -> Iterator[Result]:
    """By the folders of a collection of algorithms; their rules were written on another one."""
    names = list(SKILLS)
    path = place.data / "code_keon_algorithms" / "python_files.jsonl"
    wanted, records = [], []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        folders = row["path"].split("/")[:-1]
        skill = next((_FOLDERS[one] for one in folders if one in _FOLDERS), None)
        if skill is not None and row["path"].endswith(".py") and "test" not in row["path"]:
            wanted.append(names.index(skill))
            records.append(_text(row["text"]))
    values = _values("skills", records)
    known = np.isfinite(values[:, 0])
    own = values[np.arange(len(wanted)), wanted][known]
    other = (np.nansum(values, axis=1)[known] - own) / (len(names) - 1)
    found = f"{own.mean():.2f} show their folder's skill, {other.mean():.2f} each of the others"
    yield Result(f"skills: {known.sum()} files in {len(set(wanted))} folders", found)


def _values(key: str, records: Sequence[Record]) -> NDArray[np.float64]:
    return SIGNALS[key]().score(Batch(records)).values.astype(np.float64)


def _text(content: str) -> Record:
    return Record(Kind.TEXT, {"text": content})
