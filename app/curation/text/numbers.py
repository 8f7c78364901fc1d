"""Numbers as people write them: commas, currency, percent, fractions, LaTeX, powers, units."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from unicodedata import normalize

_PLAIN = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
_MOST_DIGITS = 400  # longer ones are no numbers of an exercise
_SPACES = re.compile(r"\\[!,;: ]|\\quad|~|\s+")
_WRAPPED = re.compile(r"\\(?:text|mathrm|mbox|textbf|mathbf)\s*\{([^{}]*)\}")
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_TIMES_TEN = re.compile(
    r"([-+]?(?:\d+(?:\.\d+)?|\.\d+))\s*(?:\\times|\\cdot|[x×*])\s*10\s*\^\s*\{?\s*([-+]?\d{1,3})\s*\}?"
)
_SHAPE = re.compile(
    rf"""(?P<sign>[-+]?)\s*(?:[$€£]\s*)?(?P<sign2>[-+]?)(?P<whole>{_PLAIN})
    (?:[eE](?P<power>[-+]?\d{{1,3}}))?
    (?:\s+(?P<mixed>\d+)\s*/\s*(?P<mixed_below>\d+)|\s*/\s*(?P<below>{_PLAIN}))?
    \s*(?P<percent>%|percent\b)?
    \s*(?P<unit>[^\W\d_]+\.?(?:[ /'-][^\W\d_]+\.?)*(?:\^\{{?[23]\}}?|[23²³])?|°\s?[CF]?|[$€£¢])?
    \s*\.?$""",
    re.VERBOSE,
)
_IN_TEXT = re.compile(rf"(?<![\w.])[-−]?[$€£]?\s?(?:{_PLAIN})(?:\s?/\s?\d+)?\s?%?(?![\w])")
_SIGNED_FRACTION = re.compile(r"(\d{0,18})\s?([¼-¾⅐-⅞])")  # `½`, `1½`
# Factor to the first of each kind; words are compared by their stem.
_UNITS: Mapping[str, tuple[str, Fraction]] = {
    **{one: ("m", Fraction(1)) for one in ("m", "meter", "metre")},
    **{one: ("m", Fraction(1000)) for one in ("km", "kilometer", "kilometre")},
    **{one: ("m", Fraction(1, 100)) for one in ("cm", "centimeter", "centimetre")},
    **{one: ("m", Fraction(1, 1000)) for one in ("mm", "millimeter", "millimetre")},
    **{one: ("ft", Fraction(1)) for one in ("ft", "foot", "feet")},
    **{one: ("ft", Fraction(1, 12)) for one in ("in", "inch", "inche")},
    **{one: ("ft", Fraction(3)) for one in ("yd", "yard")},
    **{one: ("ft", Fraction(5280)) for one in ("mi", "mile")},
    **{one: ("g", Fraction(1)) for one in ("g", "gram")},
    **{one: ("g", Fraction(1000)) for one in ("kg", "kilogram")},
    **{one: ("s", Fraction(1)) for one in ("s", "sec", "second")},
    **{one: ("s", Fraction(60)) for one in ("min", "minute")},
    **{one: ("s", Fraction(3600)) for one in ("h", "hr", "hour")},
    **{one: ("s", Fraction(86400)) for one in ("d", "day")},
    **{one: ("$", Fraction(1)) for one in ("dollar", "usd")},
    **{one: ("$", Fraction(1, 100)) for one in ("cent", "¢")},
    **{one: ("l", Fraction(1)) for one in ("l", "liter", "litre")},
    **{one: ("l", Fraction(1, 1000)) for one in ("ml", "milliliter", "millilitre")},
}
_NO_UNITS = frozenset(["or", "and", "to", "plus", "minus", "times", "over", "pi", "than", "is"])
_SHORT = 2  # letters


@dataclass(frozen=True, slots=True)
class Number:
    """A value, exactly; its unit as it was written; whether it was one of a hundred."""

    value: Fraction
    shown: str
    unit: str = ""
    percent: bool = False

    def same(self, other: "Number", tolerance: float = 0.0) -> bool:
        """Whether two are equal: in the same unit, or where one has none; 50 % is 50, and 0.5."""
        kinds = [_UNITS.get(_stem(one.unit)) for one in (self, other)]
        if kinds[0] and kinds[1]:
            (mine, factor), (its, its_factor) = kinds[0], kinds[1]
            return mine == its and _near(self.value * factor, other.value * its_factor, tolerance)
        if self.percent != other.percent:
            share = Number(self.value / 100 if self.percent else self.value, "")
            its_share = Number(other.value / 100 if other.percent else other.value, "")
            if _near(share.value, its_share.value, tolerance):
                return True
        return _near(self.value, other.value, tolerance)


def _near(first: Fraction, second: Fraction, tolerance: float) -> bool:
    if first == second:
        return True
    return abs(first - second) <= Fraction(tolerance) * max(abs(first), abs(second))


def _stem(unit: str) -> str:
    word = unit.strip().strip(".").lower()
    return word[:-1] if len(word) > 2 and word.endswith("s") else word


def number(text: str) -> Number | None:
    """The number that a text is, with nothing but its unit around it; None for anything else."""
    shown = text.strip()
    if not shown or len(shown) > _MOST_DIGITS:
        return None
    plain = _without_latex(shown)
    if plain is None:
        return None
    found = _SHAPE.match(plain)
    if found is None:
        return None
    unit, value = (found["unit"] or "").strip(), _value(found)
    if value is None or not _is_unit(unit):
        return None
    return Number(value, shown, unit, bool(found["percent"]))


def _is_unit(unit: str) -> bool:
    """A letter or two are a variable, unless they are a unit that is known here."""
    if any(one in _NO_UNITS for one in unit.lower().split()):
        return False
    return not unit or not unit.isalpha() or len(unit) > _SHORT or _stem(unit) in _UNITS


def _value(found: re.Match[str]) -> Fraction | None:
    value = Fraction(found["whole"].replace(",", ""))
    if found["power"]:
        value *= Fraction(10) ** int(found["power"])
    try:
        if found["below"]:
            value /= Fraction(found["below"].replace(",", ""))
        elif found["mixed"]:
            value += Fraction(int(found["mixed"]), int(found["mixed_below"]))
    except ZeroDivisionError:
        return None
    return -value if (found["sign"] == "-") != (found["sign2"] == "-") else value


def _without_latex(text: str) -> str | None:
    """The same without dollar signs around it, spaces of LaTeX and its fractions."""
    plain = typed_fractions(text).replace("−", "-").replace("\\%", "%").replace("\\$", "$")
    if plain.startswith("$") and plain.endswith("$") and len(plain) > 1:
        plain = plain[1:-1]
    plain = plain.removeprefix("\\(").removesuffix("\\)").replace("^\\circ", "°")
    plain = plain.replace("^{\\circ}", "°").replace("{,}", ",")
    plain = _WRAPPED.sub(r" \1 ", _SPACES.sub(" ", plain.replace("\\!", "")))
    plain = _FRACTION.sub(_inline, plain)
    plain = _TIMES_TEN.sub(r"\1e\2", plain).replace(", ", ",").strip().strip("*").strip()
    return None if "\\" in plain or "{" in plain else plain


def typed_fractions(text: str) -> str:
    """The same with fractions of one sign typed out: `1/2` for `½`, `3/2` for `1½`."""
    return text if text.isascii() else _SIGNED_FRACTION.sub(_typed, text)


def _typed(found: re.Match[str]) -> str:
    above, below = map(int, normalize("NFKC", found[2]).split("\u2044"))
    return f"{int(found[1] or 0) * below + above}/{below}"


def _inline(found: re.Match[str]) -> str:
    above, below = found[1] or found[2], found[3] or found[4]
    before = " " if found.string[: found.start()].rstrip()[-1:].isdigit() else ""
    return f"{before}{(above or '').strip()}/{(below or '').strip()}"


def last_number(text: str) -> Number | None:
    """The last number of a text: where people end up."""
    for found in reversed(_IN_TEXT.findall(typed_fractions(text[-20_000:]))):
        if (one := number(found)) is not None:
            return one
    return None
