"""Putting a word for its kind in the place of personal data."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from app.curation.pii.finding import find_in
from app.curation.pii.kinds import KINDS, Hit
from app.curation.records import BODY_FIELDS, Kind


def masked(text: str, kinds: Collection[str], number: int = 0) -> tuple[str, Counter[str]]:
    """The text without personal data of these kinds, and how many places of each were masked.

    A `number` marks the masks, so that two texts that differ in nothing else stay two.
    """
    counts: Counter[str] = Counter()
    # A mask may uncover what stood too near to another number to be taken for one.
    while hits := [hit for hit in find_in(text) if hit.kind in kinds]:
        counts.update(hit.kind for hit in hits)
        text = _replaced(text, hits, number)
    return text, counts


def masked_body(
    kind: Kind, body: Mapping[str, Any], kinds: Collection[str], number: int = 0
) -> tuple[dict[str, Any], Counter[str]]:
    """The body with every string masked in place, and the counts over all of them."""
    counts: Counter[str] = Counter()

    def mask(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        new, found = masked(value, kinds, number)
        counts.update(found)
        return new

    if kind is Kind.CHAT:
        turns = [
            {name: mask(value) if name == "content" else value for name, value in turn.items()}
            for turn in body.get("messages") or ()
        ]
        return {**body, "messages": turns}, counts
    new = {
        name: mask(value) if name in BODY_FIELDS[kind] else value for name, value in body.items()
    }
    return new, counts


def _replaced(text: str, hits: list[Hit], number: int) -> str:
    parts, last = [], 0
    for hit in hits:
        parts += [text[last : hit.start], _numbered(KINDS[hit.kind].mask, number)]
        last = hit.end
    return "".join([*parts, text[last:]])


def _numbered(mask: str, number: int) -> str:
    """`<EMAIL>` with the number 28 is `<EMAIL-AB>`: digits might be taken for data again."""
    letters = ""
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{mask[:-1]}-{letters}{mask[-1]}" if letters else mask
