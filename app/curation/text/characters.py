"""Classes of characters as bits, one table lookup per code point."""
# ruff: noqa: RUF001 - characters that look alike are what these tables tell apart.

import string
import unicodedata
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

SPACE: Final = 1 << 0
ALPHA: Final = 1 << 1
DIGIT: Final = 1 << 2
UPPER: Final = 1 << 3
# Letters that are not upper case; scripts without case count as lower.
LOWER: Final = 1 << 4
# Characters of which a word may consist without being a word: see SYMBOLS.
SYMBOL: Final = 1 << 5
# Split off both ends of a word, or off its start only.
EDGE: Final = 1 << 6
PREFIX: Final = 1 << 7
TERMINAL: Final = 1 << 8
ICON: Final = 1 << 9
QUOTE: Final = 1 << 10
# Unicode category P.
PUNCTUATION: Final = 1 << 11
# Written without spaces between words: each character counts as a word where words are counted.
IDEOGRAPH: Final = 1 << 12
CONTROL: Final = 1 << 13
LINE_END: Final = 1 << 14

# Every assigned character outside the private planes stands below this; the last entry is empty.
TABLE_SIZE: Final = 0x32400

# Unicode 15, property Sentence_Terminal, as FineWeb uses it, as inclusive ranges.
_TERMINALS = (
    "21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 166e "
    "1735-1736 17d4-17d6 17d9-17da 1803 1809 1944-1945 1aa8-1aab 1b5a-1b5b 1b5e-1b5f 1b7d-1b7e "
    "1c3b-1c3c 1c7e-1c7f 203c-203d 2047-2049 2e2e 2e3c 2e53-2e54 3002 a4ff a60e-a60f a6f3 a6f7 "
    "a876-a877 a8ce-a8cf a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb fe52 fe56-fe57 ff01 ff0e ff1f "
    "ff61 10a56-10a57 10f55-10f59 10f86-10f89 11047-11048 110be-110c1 11141-11143 111c5-111c6 "
    "111cd 111de-111df 11238-11239 1123b-1123c 112a9 1144b-1144c 115c2-115c3 115c9-115d7 "
    "11641-11642 1173c-1173e 11944 11946 11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8 "
    "11f43-11f44 16a6e-16a6f 16af5 16b37-16b38 16b44 16e98 1bc9f 1da88"
)

# The punctuation of CCNet (arXiv 1911.00359), which the Gopher rules do not take for words.
_TYPOGRAPHIC = "—–…“”„’«»´━►∶、。「」【】《》〈〉（），．：；？！～％１"
SYMBOLS: Final = string.punctuation + _TYPOGRAPHIC

_QUOTES = "'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉⟦⟧"
_EDGES = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪—–" + _QUOTES
_PREFIXES = "§%=$£€¥฿₽﷼₴₹₩₪₫₿₺"
_LINE_ENDS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"

_IDEOGRAPHS = ((0x2E80, 0x303F), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0xF900, 0xFAFF))
_ASTRAL_IDEOGRAPHS = (0x20000, TABLE_SIZE - 1)


@cache
def classes() -> NDArray[np.uint16]:
    """The bits of each code point below TABLE_SIZE; the last entry stands for all others."""
    table = np.zeros(TABLE_SIZE, np.uint16)
    for code in range(TABLE_SIZE - 1):
        table[code] = _bits(chr(code))
    for chars, bit in (
        (SYMBOLS, SYMBOL),
        (_EDGES, EDGE),
        (_PREFIXES, PREFIX),
        (_QUOTES, QUOTE),
        (_LINE_ENDS, LINE_END),
    ):
        table[[ord(char) for char in chars]] |= bit
    for start, end in _terminals():
        table[start : end + 1] |= TERMINAL | SYMBOL
    for start, end in (*_IDEOGRAPHS, _ASTRAL_IDEOGRAPHS):
        table[start:end] |= np.where(table[start:end] & ALPHA, IDEOGRAPH, 0).astype(np.uint16)
    table.flags.writeable = False
    return table


def _bits(char: str) -> int:
    category = unicodedata.category(char)
    bits = SPACE * char.isspace() | DIGIT * char.isdigit() | UPPER * char.isupper()
    if char.isalpha():
        bits |= ALPHA if char.isupper() else ALPHA | LOWER
    if category == "Cc":
        bits |= CONTROL
        # Tab and line feed are the two control characters that separate words in plain text.
        bits |= SYMBOL * (char not in "\t\n")
    if category == "So":
        bits |= ICON | EDGE
    if category[0] == "P":
        bits |= PUNCTUATION
    return bits


def _terminals() -> list[tuple[int, int]]:
    bounds = (part.split("-") for part in _TERMINALS.split())
    return [(int(each[0], 16), int(each[-1], 16)) for each in bounds]
