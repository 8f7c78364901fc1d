"""What a matcher is: signs every record once, then finds pairs among signatures."""

import hashlib
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import orjson
from numpy.typing import NDArray

from app.curation.methods import Method
from app.curation.signals.batch import Batch
from app.curation.text.corpus import Ints

Similarities = NDArray[np.float32]
# Reads the records of these rows again: only what a signature can't tell is asked for.
Read = Callable[[Ints], Batch]


@dataclass(frozen=True, slots=True)
class Signed:
    """Signatures of rows, end to end in `data`; an empty one has nothing to compare.

    Rows stand by rank, the one to keep first. `reference` marks rows of another dataset: where
    there are some, only pairs of one of them and another row are looked for.
    """

    data: NDArray[np.uint8]
    offsets: Ints
    reference: NDArray[np.bool_]

    @classmethod
    def of(cls, signatures: Sequence[bytes], reference: Sequence[bool] = ()) -> "Signed":
        """Signatures in the order of their rows' rank."""
        data = np.frombuffer(b"".join(signatures), np.uint8)
        offsets = np.zeros(len(signatures) + 1, np.int64)
        np.cumsum([len(one) for one in signatures], out=offsets[1:])
        marks = np.zeros(len(signatures), bool)
        marks[: len(reference)] = reference
        return cls(data, offsets, marks)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def whole(self, width: int) -> tuple[Ints, NDArray[np.uint8]]:
        """The rows that have a signature of this width, and these side by side."""
        rows = np.flatnonzero(np.diff(self.offsets) == width)
        if len(rows) * width == len(self.data):
            return rows, self.data.reshape(len(rows), width)
        places = self.offsets[rows][:, np.newaxis] + np.arange(width)
        return rows, self.data[places]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs of rows, the better ranked first, and how alike they are, from 0 to 1."""

    first: Ints
    second: Ints
    similarity: Similarities

    @classmethod
    def none(cls) -> "Pairs":
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))

    def __len__(self) -> int:
        return len(self.first)

    def where(self, chosen: NDArray[np.bool_]) -> "Pairs":
        """Some of the pairs."""
        return Pairs(self.first[chosen], self.second[chosen], self.similarity[chosen])

    def __add__(self, other: "Pairs") -> "Pairs":
        return Pairs(
            np.concatenate([self.first, other.first]),
            np.concatenate([self.second, other.second]),
            np.concatenate([self.similarity, other.similarity]),
        )


class Matcher(Method):
    """Finds samples that say the same. Signatures are stored, so other limits cost no new pass.

    `signing` names the parameters that a signature depends on; `embeds` says that the signature
    is the vector of the text, which the embedder makes.
    """

    signing: ClassVar[tuple[str, ...]] = ()
    embeds: ClassVar[bool] = False
    # How its similarity is named beside a number.
    measure: ClassVar[str] = "similarity"

    def signature_fingerprint(self) -> str:
        """SHA-256 over what signatures depend on: signatures of one fingerprint compare."""
        recipe = ["signature", self.key, self.version, self.signed_by()]
        return hashlib.sha256(orjson.dumps(recipe, option=orjson.OPT_SORT_KEYS)).hexdigest()

    def signed_by(self) -> dict[str, Any]:
        """What signatures depend on."""
        return {name: value for name, value in self.params().items() if name in self.signing}

    def signed_width(self) -> int:
        """Bytes of a signature; 0 where they differ."""
        return 0

    @abstractmethod
    def least(self) -> float:
        """The similarity from which two samples are a pair."""

    @abstractmethod
    def sign(self, batch: Batch) -> list[bytes]:
        """A signature per record, in order; empty where there is nothing to compare."""

    @abstractmethod
    def find(self, signed: Signed, read: Read) -> Pairs:
        """Pairs that are alike enough. Where very many rows are alike, those with the best one."""

    def recall(self, similarity: float) -> float:
        """The share of pairs of this similarity that are found, by theory."""
        return float(similarity >= self.least())
