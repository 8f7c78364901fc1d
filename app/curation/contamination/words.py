"""Words as decontamination compares them: small letters, no punctuation, composed characters."""

import re
import unicodedata
from collections.abc import Sequence

# Scripts without spaces: each character is a word.
_SINGLE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_SINGLE}]|[^\\W_{_SINGLE}]+")


def tokens(text: str) -> list[str]:
    """The words of a text."""
    found: list[str] = _WORD.findall(text)
    if text.isascii():
        return [one.lower() for one in found]
    return [unicodedata.normalize("NFKC", one).casefold() for one in found]


def places(text: str) -> list[tuple[int, int]]:
    """Where each of its words stands."""
    return [match.span() for match in _WORD.finditer(text)]


def spans_of(text: str, starts: Sequence[int], size: int) -> list[tuple[int, int]]:
    """Ranges of characters that n-grams of words cover, those that touch made one."""
    where = places(text)
    ranges: list[tuple[int, int]] = []
    for first in sorted(set(starts)):
        start, end = where[first][0], where[first + size - 1][1]
        if ranges and start <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], max(end, ranges[-1][1]))
        else:
            ranges.append((start, end))
    return ranges
