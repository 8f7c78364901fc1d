"""Deliberate errors in good texts: each with its place and type, so that it can be undone."""

import random
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from app.curation.generators.base import Draft, Gate, Made, Outcome, Plain, settled
from app.curation.generators.edits import Change, applied, edited_field, with_field
from app.curation.generators.operators import CODE, LETTERS, PROSE, TYPES, Spot, add_spots, changed
from app.curation.records import Kind, Record
from app.curation.text.code import looks_like_python
from app.curation.text.parts import prompt_text

_NO_PLACE = Gate("has a place", False, "No place in it was drawn for an error.")
_TRIES = 3  # places looked at per error wanted: some are taken by another error


def _weights(text: str) -> dict[str, float]:
    """`keyboard:2, article` as weights; refuses what is no type."""
    found: dict[str, float] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, _, weight = part.partition(":")
        if name.strip() not in TYPES:
            raise ValueError(f"there is no error {name.strip()!r}; there are {', '.join(TYPES)}")
        found[name.strip()] = _positive(weight or "1")
    return found


def _positive(text: str) -> float:
    weight = float(text)
    if not 0 < weight <= 1000:
        raise ValueError(f"a weight is a number from 0 to 1,000, not {text}")
    return weight


def _checked(text: str) -> str:
    _weights(text)
    return text


class Errors(Plain):
    """Texts with deliberate errors, each recorded so that it can be undone exactly.

    Slips of the keyboard, swapped, lost and doubled letters, words that sound alike, agreement,
    lost articles and commas, confusions of scanners, wrong numbers, units and names, turned
    negations; in Python, flipped operators and off-by-one. The errors go into the answer of a
    sample; types are drawn by their weights over 500 samples at a time, as far as places admit
    them. Texts are made as they are, as corrections (wrong to right) or as preference pairs.
    """

    key: ClassVar = "errors"
    title: ClassVar = "Deliberate errors"
    # An error in the chosen side of a pair would teach what is wrong as the better answer.
    kinds: ClassVar = frozenset(Kind) - {Kind.PREFERENCE}

    rate: float = Field(0.05, gt=0, le=0.5, description="Errors per word")
    most: int = Field(20, ge=1, le=1000, description="Errors per sample at most")
    types: Annotated[str, AfterValidator(_checked), Field(max_length=500)] = Field(
        "", description="Types with weights, such as `keyboard:2, article`; empty: all that fit"
    )
    form: Literal["text", "correction", "preference"] = Field(
        "text", description="The wrong text alone, wrong to right, or right preferred over wrong"
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed makes other errors")

    def spoils(self) -> bool:
        return self.form == "text"

    def makes(self) -> frozenset[Kind]:
        made = {"correction": Kind.INSTRUCTION, "preference": Kind.PREFERENCE}
        return frozenset({made[self.form]}) if self.form in made else self.kinds

    def make(self, seeds: Sequence[Record]) -> list[list[Made]]:
        fields = [edited_field(one) for one in seeds]
        code = [_is_code(one, text) for one, (_, text) in zip(seeds, fields, strict=True)]
        picked = self._picked([text for _, text in fields], code)
        return [
            [self._made(one, *field, picked.get(row, []))]
            for row, (one, field) in enumerate(zip(seeds, fields, strict=True))
        ]

    def _picked(self, texts: Sequence[str], code: Sequence[bool]) -> Mapping[int, list[Change]]:
        """The changes of each row; how many of each type is settled over all rows."""
        spots: dict[str, list[Spot]] = defaultdict(list)
        tokens = sum(add_spots(row, text, code[row], spots) for row, text in enumerate(texts))
        rng = random.Random(zlib.crc32("\0".join(texts).encode("utf-8", "replace")) ^ self.seed)
        return _drawn(self._quotas(tokens, spots), spots, self.most, rng)

    def _quotas(self, tokens: int, spots: Mapping[str, Sequence[Spot]]) -> list[tuple[str, int]]:
        """How many errors of each type, those with the fewest places first."""
        weights = _weights(self.types) or dict.fromkeys((*PROSE, *CODE), 1.0)
        room = {name: len(spots.get(_pool(name), ())) for name in weights}
        left, quotas = round(tokens * self.rate), []
        rest = sum(weights.values())
        for name in sorted(weights, key=lambda one: (room[one] / weights[one], one)):
            share = min(round(left * weights[name] / rest), room[name])
            quotas.append((name, share))
            left, rest = left - share, rest - weights[name]
        return quotas

    def _made(self, seed: Record, name: str, text: str, changes: Sequence[Change]) -> Made:
        if not changes:
            return settled(None, [_NO_PLACE])
        wrong, edits = applied(text, changes)
        told: dict[str, Any] = {"field": name, "edits": [one.as_json() for one in edits]}
        kind, body = self._formed(seed, name, text, wrong)
        draft = Draft(kind, body, (seed.id,), "errors", seed.language, seed.domain, metadata=told)
        return Made(Outcome.ACCEPTED, draft)

    def _formed(
        self, seed: Record, name: str, text: str, wrong: str
    ) -> tuple[Kind, dict[str, Any]]:
        if self.form == "correction":
            asked = "Correct the errors in this text. Change nothing else."
            return Kind.INSTRUCTION, {"instruction": asked, "input": wrong, "output": text}
        if self.form == "preference":
            asked = prompt_text(seed.kind, seed.body) or "Write this text without errors."
            return Kind.PREFERENCE, {"prompt": asked, "chosen": text, "rejected": wrong}
        return seed.kind, with_field(seed, name, wrong)


def _is_code(seed: Record, text: str) -> bool:
    return seed.kind is Kind.COMPLETION or ("\n" in text and looks_like_python(text))


def _pool(name: str) -> str:
    return "letters" if name in LETTERS or name == "ocr" else name


def _drawn(
    quotas: Sequence[tuple[str, int]],
    spots: Mapping[str, Sequence[Spot]],
    most: int,
    rng: random.Random,
) -> Mapping[int, list[Change]]:
    """So many places of each type, none twice, none next to another error."""
    changes: dict[int, list[Change]] = defaultdict(list)
    taken: dict[int, set[int]] = defaultdict(set)
    entities = [match[0] for _, match in spots.get("entity", ())]
    for name, quota in quotas:
        pool = spots.get(_pool(name), ())
        made = 0
        for row, match in rng.sample(pool, min(len(pool), quota * _TRIES + 20)):
            if made >= quota:
                break
            start = match.start()
            if start in taken[row] or len(changes[row]) >= most:
                continue
            found = changed(name, match, rng, rng.choice(entities) if name == "entity" else "")
            if found is not None:
                changes[row].append(Change(name, *found))
                taken[row].add(start)
                made += 1
    return changes
