"""Rows of tables that speak of the same thing: fields compared one by one, with weights."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from app.curation.matchers import buckets
from app.curation.matchers.base import Matcher, Pairs, Read, Signed
from app.curation.records import Record
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Ints
from app.curation.text.hashing import Hashes
from app.curation.text.jit import njit
from app.curation.text.shingles import composed

Weights = NDArray[np.float64]
_UNIT = np.dtype([("field", "<u8"), ("word", "<u8")])
_WORD = re.compile(r"\d+|[^\W\d_]+")
# Names of models, numbers of parts: PS-LX350H and PSLX350H are one.
_CODE = re.compile(r"[^\W_]+(?:[-/.][^\W_]+)*")
_MARKS = re.compile(r"[-/.]")
_FIELD = re.compile(r"\s*([^^,\s][^^,]*?)\s*(?:\^\s*(\d+(?:\.\d+)?))?\s*")


class Records(Matcher):
    """Rows of tables that name the same thing: a product, a publication, a person.

    Each field gets a similarity: words that both have, weighed by how rare they are in it, as a
    share of all that either has. The similarity of two rows is the mean over fields that both
    fill, by weight. `fields` are of the metadata or the body, such as `title^3, authors^2, year`;
    without any, all that have text count alike. Rows are compared when they share one of their
    rare words.
    """

    key: ClassVar = "records"
    title: ClassVar = "Fields"
    signing: ClassVar = ()
    measure: ClassVar = "weighted fields"

    fields: str = Field(
        "", max_length=2000, description="Names with weights: title^3, year. Empty: all."
    )
    threshold: float = Field(0.5, gt=0, le=1, description="Least similarity of a pair.")
    block: int = Field(
        50, ge=2, le=1000, description="A word in more rows is not rare enough to compare by."
    )

    mutual: bool = Field(
        False,
        description="Only pairs in which each is the other's most alike: lists of unique things.",
    )

    @field_validator("fields")
    @classmethod
    def _readable(cls, value: str) -> str:
        for part in value.split(",") if value.strip() else ():
            if not _FIELD.fullmatch(part):
                raise ValueError(f"`{part.strip()}` is no field with a weight, such as title^3")
        return value

    def weights(self) -> Mapping[str, float]:
        """The weight of each field that is named."""
        found = (_FIELD.fullmatch(part) for part in self.fields.split(","))
        return {one[1]: float(one[2] or 1) for one in found if one is not None}

    def signed_by(self) -> dict[str, Any]:
        return {"fields": sorted(self.weights())}

    def least(self) -> float:
        return self.threshold

    def sign(self, batch: Batch) -> list[bytes]:
        return [self._signed(record) for record in batch]

    def _signed(self, record: Record) -> bytes:
        wanted = self.weights()
        units = {
            (_hashed(name), _hashed(word))
            for name, value in _filled(record)
            if not wanted or name in wanted
            for word in _words(composed(value).lower())
        }
        return np.array(sorted(units), np.uint64).tobytes()

    def find(self, signed: Signed, read: Read) -> Pairs:  # noqa: ARG002 - signatures tell all
        units = signed.data.view(_UNIT)
        offsets = signed.offsets // _UNIT.itemsize
        owner = np.repeat(np.arange(len(signed)), np.diff(offsets))
        fields = np.ascontiguousarray(units["field"])
        words = np.ascontiguousarray(units["word"])
        first, second = self._candidates(words, owner, signed)
        near = _weighed(
            fields, words, offsets, _rarity(fields, words, len(signed)), self._heavy(fields),
            first, second,
        )  # fmt: skip
        found = Pairs(first, second, near).where(near >= self.threshold)
        return found.where(_best(found, len(signed))) if self.mutual else found

    def _candidates(self, words: Hashes, owner: Ints, signed: Signed) -> tuple[Ints, Ints]:
        """Rows that share a word which few have."""
        rows = max(len(signed), 1)
        order = np.lexsort((words, owner))
        keys, owners = words[order], owner[order]
        fresh = np.ones(len(keys), bool)
        fresh[1:] = (keys[1:] != keys[:-1]) | (owners[1:] != owners[:-1])
        keys, owners = keys[fresh], owners[fresh]
        _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
        rare = counts[place] <= self.block
        keys, owners = keys[rare], owners[rare]
        found, _ = buckets.pairs(keys, signed.reference[owners], small=self.block)
        total = max(len(keys), 1)
        pairs = np.unique(owners[found // total] * rows + owners[found % total])
        return pairs // rows, pairs % rows

    def _heavy(self, fields: Hashes) -> Weights:
        """The weight of each unit's field."""
        wanted = {_hashed(name): weight for name, weight in self.weights().items()}
        names, place = np.unique(fields, return_inverse=True)
        each = np.array([wanted.get(name, 1.0) for name in names.tolist()], np.float64)
        found: Weights = each[place] if len(each) else np.empty(0)
        return found


def _filled(record: Record) -> Iterator[tuple[str, str]]:
    for source in (record.metadata, record.body):
        for name, value in source.items():
            if isinstance(value, str | int | float) and str(value).strip():
                yield name, str(value)


def _words(text: str) -> Iterator[str]:
    """Runs of letters and runs of digits; what mixes both also as a whole."""
    yield from _WORD.findall(text)
    for found in _CODE.findall(text):
        whole = _MARKS.sub("", found)
        if not whole.isalpha() and not whole.isdigit():
            yield whole


@lru_cache(maxsize=200_000)
def _hashed(word: str) -> int:
    digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _best(pairs: Pairs, rows: int) -> NDArray[np.bool_]:
    """The pairs that are the most alike for both ends."""
    most = np.zeros(rows, np.float32)
    for ends in (pairs.first, pairs.second):
        np.maximum.at(most, ends, pairs.similarity)
    best: NDArray[np.bool_] = (pairs.similarity >= most[pairs.first]) & (
        pairs.similarity >= most[pairs.second]
    )
    return best


def _rarity(fields: Hashes, words: Hashes, rows: int) -> Weights:
    """How much a word of a field tells: the logarithm of rows per row that has it there."""
    keys = fields ^ (words * np.uint64(0x9E3779B97F4A7C15))
    _, place, counts = np.unique(keys, return_inverse=True, return_counts=True)
    each = np.log1p(rows / counts)
    found: Weights = each[place] if len(each) else np.empty(0)
    return found


@njit
def _weighed(
    fields: Hashes,
    words: Hashes,
    offsets: Ints,
    rarity: Weights,
    heavy: Weights,
    first: Ints,
    second: Ints,
) -> NDArray[np.float32]:
    """Mean over the fields that both rows have of the rarity of shared words among all words."""
    found = np.zeros(len(first), np.float32)
    for pair in range(len(first)):
        a, a_end = offsets[first[pair]], offsets[first[pair] + 1]
        b, b_end = offsets[second[pair]], offsets[second[pair] + 1]
        total, weights = 0.0, 0.0
        while a < a_end and b < b_end:
            if fields[a] < fields[b]:
                a += 1
                continue
            if fields[a] > fields[b]:
                b += 1
                continue
            field, weight = fields[a], heavy[a]
            shared, either = 0.0, 0.0
            while (a < a_end and fields[a] == field) or (b < b_end and fields[b] == field):
                left = a < a_end and fields[a] == field
                right = b < b_end and fields[b] == field
                if left and right and words[a] == words[b]:
                    shared += rarity[a]
                    either += rarity[a]
                    a += 1
                    b += 1
                elif left and (not right or words[a] < words[b]):
                    either += rarity[a]
                    a += 1
                else:
                    either += rarity[b]
                    b += 1
            total += weight * shared / either
            weights += weight
        if weights:
            found[pair] = total / weights
    return found
