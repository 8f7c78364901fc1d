"""Whether generated text loses what is rare in the text that it began with (arXiv 2305.17493).

Mean measures can improve while the tails die, so none is used here. Alarms compare a round with
the one before: rare tokens -5 %, runs of three words -20 %, cells with a text in them -20 %.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self
from zlib import crc32

import numpy as np

from app.curation.occupancy import Cells
from app.curation.text.stems import WORD

RARE = 1e-4  # share of all tokens of the anchor under which one is rare
_RARE_LOST, _RUNS_LOST, _CELLS_LOST = 0.05, 0.2, 0.2
_VENDI, _WIDTH, _NONE = 400, 4096, 1e-12


@dataclass(frozen=True, slots=True)
class Tails:
    """What a round has: the share of the anchor's rare tokens, of distinct runs of three words,
    the spread of lengths in words (standard deviation over mean), how many texts as unlike as
    can be would be as various as 100 of it (Vendi score), and the share of the anchor's clusters
    in which it has a text; None where the anchor is too small for clusters."""

    rare_recall: float
    distinct_3: float
    length_spread: float
    vendi: float
    occupancy: float | None


@dataclass(frozen=True, slots=True)
class Anchor:
    """What later rounds are held against: of human text, or of the first round."""

    rare: frozenset[str]
    cells: Cells

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """The rare tokens and the clusters of these texts."""
        return cls(rare_tokens(texts), Cells([tokens(one) for one in texts]))


def tails(anchor: Anchor, texts: Sequence[str]) -> Tails:
    """Measure texts against the anchor."""
    rare = anchor.rare
    words = [tokens(one) for one in texts]
    there = {word for one in words for word in one}
    runs = [run for one in words for run in zip(one, one[1:], one[2:], strict=False)]
    return Tails(
        rare_recall=len(rare & there) / len(rare) if rare else 1.0,
        distinct_3=len(set(runs)) / len(runs) if runs else 0.0,
        length_spread=_spread([len(one) for one in words]),
        vendi=vendi(words),
        occupancy=anchor.cells.occupied(words),
    )


def rare_tokens(anchor: Sequence[str]) -> frozenset[str]:
    """Tokens that the anchor has, each for less than one in ten thousand."""
    counts = Counter(word for one in anchor for word in tokens(one))
    most = RARE * sum(counts.values())
    return frozenset(word for word, count in counts.items() if count <= max(most, 1))


def tokens(text: str) -> list[str]:
    """Words and numbers without case."""
    return [one.lower() for one in WORD.findall(text)]


def alarms(before: Tails, now: Tails) -> list[str]:
    """What was lost from one round to the next, in sentences."""
    found = []
    if now.rare_recall < before.rare_recall * (1 - _RARE_LOST):
        found.append(
            f"Rare words get lost: {now.rare_recall:.0%} of them occur. In as many of the texts "
            f"that it is held against, {before.rare_recall:.0%} do."
        )
    if now.distinct_3 < before.distinct_3 * (1 - _RUNS_LOST):
        found.append(
            f"It repeats itself: {now.distinct_3:.0%} of its runs of three words differ. Of those "
            f"in the texts that it is held against, {before.distinct_3:.0%} do."
        )
    was, is_ = before.occupancy, now.occupancy
    if was is not None and is_ is not None and is_ < was * (1 - _CELLS_LOST):
        found.append(
            f"It covers less: {is_:.1%} of the clusters of the real texts have one of its texts. "
            f"Those that it is held against cover {was:.1%}."
        )
    return found


def vendi(texts: Sequence[Sequence[str]]) -> float:
    """The Vendi score (arXiv 2210.02410) of texts in words, per 100 of them; 0 for none.

    The exponential of the entropy of the eigenvalues of the matrix of cosines, here of the counts
    of words by their hash. More than 400 texts are represented by 400 that lie evenly among them.
    """
    step = max(len(texts) / _VENDI, 1.0)
    some = [texts[int(at * step)] for at in range(min(len(texts), _VENDI))]
    counts = [Counter(crc32(one.encode()) % _WIDTH for one in words) for words in some if words]
    if not counts:
        return 0.0
    vectors = np.zeros((len(counts), _WIDTH), np.float32)
    for row, found in enumerate(counts):
        vectors[row, list(found)] = list(found.values())
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    values = np.linalg.eigvalsh(vectors @ vectors.T / len(vectors))
    values = values[values > _NONE]
    return float(100 * np.exp(-(values * np.log(values)).sum()) / len(vectors))


def _spread(lengths: Sequence[int]) -> float:
    mean = sum(lengths) / len(lengths) if lengths else 0.0
    if not mean:
        return 0.0
    variance = sum((one - mean) ** 2 for one in lengths) / len(lengths)
    return float(variance**0.5 / mean)
