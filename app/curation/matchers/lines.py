"""Texts that repeat the lines or paragraphs of another one."""

import hashlib
import re
from collections.abc import Iterable
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from app.curation.matchers import buckets
from app.curation.matchers.base import Matcher, Pairs, Read, Signed
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Ints
from app.curation.text.hashing import Hashes
from app.curation.text.jit import njit
from app.curation.text.shingles import composed

_UNIT = np.dtype([("hash", "<u8"), ("chars", "<u8")])
_SPACES = re.compile(r"\s+")
_BLANK = re.compile(r"\n\s*\n")


class Lines(Matcher):
    """Texts most of whose lines stand in another text that stays.

    The similarity is the share of characters, in lines or paragraphs of some length, of the text
    that goes which the one that stays has too: so that nothing is lost, keep the longest. Case and
    spaces do not count. A line that many texts have, such as a licence, is compared with the best
    of them only.
    """

    key: ClassVar = "lines"
    title: ClassVar = "Lines"
    signing: ClassVar = ("unit", "min_chars")
    measure: ClassVar = "repeated share"

    unit: Literal["line", "paragraph"] = Field("line", description="What is compared.")
    min_chars: int = Field(
        20, ge=1, le=10_000, description="Shorter lines say nothing: they do not count."
    )
    threshold: float = Field(0.8, gt=0, le=1, description="Least share of a text that repeats.")

    def least(self) -> float:
        return self.threshold

    def sign(self, batch: Batch) -> list[bytes]:
        return [self._signed(text) for text in batch.texts]

    def _signed(self, text: str) -> bytes:
        parts = text.split("\n") if self.unit == "line" else _BLANK.split(text)
        plain = (_SPACES.sub(" ", composed(part).lower()).strip() for part in parts)
        return _packed(part for part in plain if len(part) >= self.min_chars)

    def find(self, signed: Signed, read: Read) -> Pairs:  # noqa: ARG002 - signatures tell all
        units = signed.data.view(_UNIT)
        offsets = signed.offsets // _UNIT.itemsize
        owner = np.repeat(np.arange(len(signed)), np.diff(offsets))
        hashes = np.ascontiguousarray(units["hash"])
        chars = units["chars"].astype(np.int64)
        found, _ = buckets.pairs(hashes, signed.reference[owner])
        total = max(len(owner), 1)
        keys = np.unique(owner[found // total] * len(signed) + owner[found % total])
        first, second = keys // max(len(signed), 1), keys % max(len(signed), 1)
        shared = _repeated(hashes, chars, offsets, first, second)
        return Pairs(first, second, shared).where(shared >= self.threshold)


def _packed(parts: Iterable[str]) -> bytes:
    """Hashes in order, each once, with the length of what it stands for."""
    held: dict[int, int] = {}
    for part in parts:
        digest = hashlib.blake2b(part.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        held[int.from_bytes(digest, "little")] = len(part)
    return np.array(sorted(held.items()), np.uint64).tobytes()


@njit
def _repeated(
    hashes: Hashes, chars: Ints, offsets: Ints, first: Ints, second: Ints
) -> NDArray[np.float32]:
    """The share of the second's characters that the first has too."""
    found = np.zeros(len(first), np.float32)
    for pair in range(len(first)):
        a, a_end = offsets[first[pair]], offsets[first[pair] + 1]
        shared, total = 0, 0
        for b in range(offsets[second[pair]], offsets[second[pair] + 1]):
            total += chars[b]
            while a < a_end and hashes[a] < hashes[b]:
                a += 1
            if a < a_end and hashes[a] == hashes[b]:
                shared += chars[b]
        found[pair] = shared / total
    return found
