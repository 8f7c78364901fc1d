"""Texts with planted near-duplicates of a known similarity."""

import random
from collections.abc import Sequence

from app.curation.records import Kind, Record

_WORDS = [f"w{number}" for number in range(5000)]


def plain(text: str, **more: object) -> Record:
    return Record(Kind.TEXT, {"text": text}, **more)  # type: ignore[arg-type]


def words(rng: random.Random, count: int) -> list[str]:
    return rng.choices(_WORDS, k=count)


def changed(rng: random.Random, base: Sequence[str], similarity: float) -> list[str]:
    """Another text that shares its beginning: so much that Jaccard of 5-grams is about this."""
    shared = round(len(base) * 2 * similarity / (1 + similarity))
    return [*base[:shared], *words(rng, len(base) - shared)]


def planted(pairs: int, similarity: float, *, length: int = 200, seed: int = 1) -> list[Record]:
    """Pairs of texts one after the other, about so alike."""
    rng = random.Random(seed)
    made = []
    for _ in range(pairs):
        base = words(rng, length)
        made += [plain(" ".join(base)), plain(" ".join(changed(rng, base, similarity)))]
    return made
