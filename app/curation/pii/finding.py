"""Finding personal data of all kinds in a text; where kinds overlap, the surer one wins."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from app.curation.pii import contact, crypto, documents, marks, money, network, secrets
from app.curation.pii.kinds import Hit, Span
from app.curation.text.corpus import Corpus, Spans, lines

_Finder = Callable[[str, int, int], Iterator[Hit]]

# The surest first: which marks a line needs, and what looks at it.
_FINDERS: tuple[tuple[int, _Finder], ...] = (
    (marks.SECRET_WORD, secrets.assigned),
    (marks.AT_SIGN, secrets.in_addresses),
    (marks.LONG_RUN, secrets.keys),
    (marks.LONG_RUN, crypto.wallets),
    (marks.LETTERED | marks.NUMBER, money.ibans),
    (marks.NUMBER, money.cards),
    (marks.NUMBER, documents.numbered),
    (marks.LETTERED, documents.lettered),
    (marks.COLONS, network.ipv6),
    (marks.NUMBER, network.ipv4),
    (marks.AT_SIGN, contact.emails),
)
# What has the shape of another number is no phone number either, valid or not.
_NO_PHONES = (network.IPV4_SHAPE, money.CARD_SHAPE, money.IBAN_SHAPE)


def find(texts: Sequence[str], corpus: Corpus, spans: Spans) -> dict[int, list[Hit]]:
    """The places of each text that has some, in order; `spans` are its lines."""
    found: dict[int, list[Hit]] = {}
    line_marks = marks.mark_lines(corpus, spans)
    marked = np.flatnonzero(line_marks)
    rows = np.searchsorted(spans.offsets, marked, side="right") - 1
    starts = spans.starts[marked] - corpus.offsets[rows]
    ends = spans.ends[marked] - corpus.offsets[rows]
    for row, mark, start, end in np.stack([rows, line_marks[marked], starts, ends], 1).tolist():
        before = found.get(row, [])
        if before and before[-1].end > start:
            start = before[-1].end  # noqa: PLW2901 - a private key reaches over several lines
        hits = _in_line(texts[row], mark, start, end) if start < end else []
        if hits:
            found[row] = before + hits
    return found


def find_in(text: str) -> list[Hit]:
    """The places of one text."""
    corpus = Corpus.of([text])
    return find([text], corpus, lines(corpus)).get(0, [])


def _in_line(text: str, mark: int, start: int, end: int) -> list[Hit]:
    taken: list[Hit] = []
    for needs, finder in _FINDERS:
        if mark & needs:
            taken = _with(taken, finder(text, start, end))
    if mark & marks.NUMBER:
        shapes = (each.span() for shape in _NO_PHONES for each in shape.finditer(text, start, end))
        others = _merged([*shapes, *(hit.span for hit in taken)])
        numbers = contact.phones(text, start, end)
        taken = _with(taken, (hit for hit in numbers if not _overlaps(hit.span, others)))
    return taken


def _with(taken: list[Hit], more: Iterable[Hit]) -> list[Hit]:
    """The places so far and those of `more` that none of them touches, in order."""
    spans = _merged(hit.span for hit in taken)
    new: list[Hit] = []
    for hit in sorted(more, key=lambda hit: hit.start):
        if not _overlaps(hit.span, spans) and (not new or new[-1].end <= hit.start):
            new.append(hit)
    return sorted([*taken, *new], key=lambda hit: hit.start) if new else taken


def _merged(spans: Iterable[Span]) -> list[Span]:
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _overlaps(span: Span, taken: list[Span]) -> bool:
    place = bisect_left(taken, span[1], key=lambda each: each[0])
    return place > 0 and taken[place - 1][1] > span[0]
