"""Errors that people and scanners make, each at the places of a text that admit it."""

import random
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

_ENDS = ".!?"
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_CONFUSED = (
    ("their", "there", "they're"),
    ("its", "it's"),
    ("your", "you're"),
    ("to", "too", "two"),
    ("then", "than"),
    ("affect", "effect"),
    ("accept", "except"),
    ("lose", "loose"),
    ("whose", "who's"),
    ("weather", "whether"),
    ("principle", "principal"),
    ("hear", "here"),
    ("by", "buy"),
    ("know", "no"),
    ("right", "write"),
    ("were", "where"),
    ("of", "off"),
    ("quite", "quiet"),
    ("brake", "break"),
    ("peace", "piece"),
    ("which", "witch"),
    ("for", "four"),
)
_AGREEMENT = (
    *(("is", "are"), ("was", "were"), ("has", "have"), ("does", "do"), ("goes", "go")),
    *(("makes", "make"), ("takes", "take"), ("gives", "give"), ("uses", "use"), ("needs", "need")),
    *(("this", "these"), ("that", "those"), ("went", "go"), ("said", "say"), ("made", "make")),
)
_NEGATED = {
    "is": "is not",
    "are": "are not",
    "was": "was not",
    "were": "were not",
    "can": "cannot",
    "will": "will not",
    "should": "should not",
    "must": "must not",
    "has": "has not",
    "have": "have not",
    "cannot": "can",
    "always": "never",
    "never": "always",
    "all": "no",
    "with": "without",
    "without": "with",
    "more": "less",
}
_UNITS = (
    *(("km", "miles"), ("kg", "g"), ("cm", "mm"), ("m", "km"), ("hours", "minutes")),
    *(("minutes", "seconds"), ("days", "weeks"), ("years", "months"), ("meters", "feet")),
    *(("kilometers", "meters"), ("grams", "kilograms"), ("liters", "milliliters")),
    *(("degrees", "radians"), ("percent", "points"), ("dollars", "cents"), ("inches", "feet")),
    *(("pounds", "ounces"), ("cups", "tablespoons"), ("million", "billion")),
)
_SCANNED = (("rn", "m"), ("m", "rn"), ("cl", "d"), ("d", "cl"), ("w", "vv"), ("l", "1"), ("o", "0"))
_FLIPPED = {
    "+": "-",
    "-": "+",
    "*": "/",
    "/": "*",
    "<": "<=",
    ">": ">=",
    "<=": "<",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "//": "/",
    "%": "//",
    "and": "or",
    "or": "and",
}

PROSE: Final = (
    *("keyboard", "transpose", "drop_letter", "double_letter", "homophone", "agreement"),
    *("article", "punctuation", "ocr", "number", "unit", "entity", "negation"),
)
CODE: Final = ("operator", "off_by_one")
TYPES: Final = (*PROSE, *CODE)
LETTERS: Final = frozenset({"keyboard", "transpose", "drop_letter", "double_letter"})
_LEAST_LETTERS = 4

_PROSE_TOKEN = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*|\d+|[,.;:!?](?=\s|$)")
_CODE_TOKEN = re.compile(r"\b(?:and|or)\b|\b\d+\b|(?<= )(?:==|!=|<=|>=|//|[-+*/<>%])(?= )")
# A row and a token in it: where an error can be made.
Spot = tuple[int, re.Match[str]]


def _others(groups: tuple[tuple[str, ...], ...]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for group in groups:
        for one in group:
            rest = tuple(other for other in group if other != one)
            found[one] = (*found.get(one, ()), *rest)
    return found


_HOMOPHONES = _others(_CONFUSED)
_FORMS = _others(_AGREEMENT)
_SWAPPED = _others(_UNITS)
_NEAR = {
    letter: tuple(
        other
        for near in (place - 1, place, place + 1)
        for line in _ROWS[max(number - 1, 0) : number + 2]
        if 0 <= near < len(line) and (other := line[near]) != letter
    )
    for number, row in enumerate(_ROWS)
    for place, letter in enumerate(row)
}
_MARKS = ",.;:!?"


def _by_token() -> Mapping[str, tuple[str, ...]]:
    """The errors that a token admits beside those within a word, capital letters counted."""
    known: dict[str, tuple[str, ...]] = dict.fromkeys(_MARKS, ("punctuation",))
    kinds: tuple[tuple[str, Iterable[str]], ...] = (
        ("homophone", _HOMOPHONES),
        ("agreement", _FORMS),
        ("negation", _NEGATED),
        ("article", ("a", "an", "the")),
    )
    for name, words in kinds:
        for word in words:
            for form in (word, word[0].upper() + word[1:]):
                known[form] = (*known.get(form, ()), name)
    return known


_BY_TOKEN = _by_token()


def add_spots(row: int, text: str, code: bool, spots: Mapping[str, list[Spot]]) -> int:
    """Add to each kind of error the places of this text; how many words and numbers it has.

    `letters` stands for all errors within a word. Errors of code are offered for code alone.
    """
    if code:
        for match in _CODE_TOKEN.finditer(text):
            spots["off_by_one" if match[0].isdecimal() else "operator"].append((row, match))
        return len(text.split())
    tokens, before = 0, "."
    letters = spots["letters"]
    for match in _PROSE_TOKEN.finditer(text):
        token = match[0]
        names = _BY_TOKEN.get(token)
        if names is None and (token[0] < "a" or before < ":"):  # digits and capitals sort before
            names = _by_shape(token, before)
        for name in names or ():
            spots[name].append((row, match))
        if len(token) >= _LEAST_LETTERS and token.isalpha():
            letters.append((row, match))
        tokens += token not in _MARKS
        before = token
    return tokens


def _by_shape(token: str, before: str) -> tuple[str, ...]:
    """What a token that is in no list admits: a number, a name within a sentence, a unit."""
    if token.isdecimal():
        return ("number",)
    if "A" <= token[0] <= "Z" and before not in _ENDS and len(token) >= _LEAST_LETTERS:
        return ("entity",)
    return ("unit",) if before.isdecimal() and token in _SWAPPED else ()


def changed(
    name: str, match: re.Match[str], rng: random.Random, entity: str = ""
) -> tuple[int, int, str] | None:
    """The span to be replaced and by what; None where it would change nothing."""
    start, end, token = match.start(), match.end(), match[0]
    if name == "article":
        return (start, end + 1, "") if match.string[end : end + 1] == " " else None
    new = entity if name == "entity" else _MAKERS[name](token, rng)
    return (start, end, new) if new != token else None


def _keyboard(token: str, rng: random.Random) -> str:
    at = rng.randrange(len(token))
    near = _NEAR.get(token[at].lower())
    return token[:at] + _cased(rng.choice(near), token[at]) + token[at + 1 :] if near else token


def _transpose(token: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(token) - 1)
    return token[:at] + token[at + 1] + token[at] + token[at + 2 :]


def _drop(token: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(token))
    return token[:at] + token[at + 1 :]


def _double(token: str, rng: random.Random) -> str:
    at = rng.randrange(len(token))
    return token[: at + 1] + token[at:]


def _ocr(token: str, rng: random.Random) -> str:
    fits = [pair for pair in _SCANNED if pair[0] in token]
    if not fits:
        return token
    old, new = rng.choice(fits)
    return token.replace(old, new, 1)


def _number(token: str, rng: random.Random) -> str:
    at = rng.randrange(len(token))
    digit = str((int(token[at]) + rng.randrange(1, 9)) % 10)
    return token[:at] + digit + token[at + 1 :]


def _off_by_one(token: str, rng: random.Random) -> str:
    value = int(token)
    return str(value + 1 if value == 0 else value + rng.choice((-1, 1)))


def _from(known: Mapping[str, tuple[str, ...]]) -> Callable[[str, random.Random], str]:
    return lambda token, rng: _like(rng.choice(known[token.lower()]), token)


def _like(word: str, token: str) -> str:
    return word[0].upper() + word[1:] if token[0].isupper() else word


def _cased(letter: str, like: str) -> str:
    return letter.upper() if like.isupper() else letter


_MAKERS: Mapping[str, Callable[[str, random.Random], str]] = {
    "keyboard": _keyboard,
    "transpose": _transpose,
    "drop_letter": _drop,
    "double_letter": _double,
    "homophone": _from(_HOMOPHONES),
    "agreement": _from(_FORMS),
    "punctuation": lambda _token, _rng: "",
    "ocr": _ocr,
    "number": _number,
    "unit": _from(_SWAPPED),
    "negation": lambda token, _rng: _like(_NEGATED[token.lower()], token),
    "operator": lambda token, _rng: _FLIPPED[token],
    "off_by_one": _off_by_one,
}
