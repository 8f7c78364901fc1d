"""Words that carry meaning, by their beginnings: how much of one text another has."""

import re
from collections.abc import Sequence

from app.curation.text.small_words import SMALL_WORDS

WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_LITTLE = SMALL_WORDS["en"] | frozenset(
    [
        *("was", "were", "has", "have", "had", "he", "she", "they", "we", "you", "i", "not"),
        *("from", "at", "but", "also", "can", "could", "would", "will", "may", "its", "there"),
        *("these", "those", "than", "then", "when", "who", "what", "how", "all", "any", "one"),
    ]
)
_STEM = 5  # letters by which forms of a word are told alike


def stems(text: str) -> frozenset[str]:
    """The beginnings of the words of a text, small words left out."""
    words = (one.lower() for one in WORD.findall(text))
    return frozenset(one[:_STEM] for one in words if one not in _LITTLE)


def share(words: frozenset[str], texts: Sequence[frozenset[str]]) -> float:
    """The largest share of the words that one of the texts has; all of none."""
    if not words:
        return 1.0
    return max(len(words & one) for one in texts) / len(words)
