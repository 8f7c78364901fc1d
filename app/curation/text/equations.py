"""Equations between numbers in a line of text, and whether they hold."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise

from app.curation.text.expressions import Side, Token, worth
from app.curation.text.formulas import typed

_TOKEN = re.compile(
    r"(?P<mixed>\d{1,6}\s(?:and\s)?\d{1,6}/\d{1,6}(?![\d.]))"
    r"|(?P<num>[$€£]?(?:\d{1,3}(?:,\d{3})+(?![,\d])(?:\.\d+)?|\d+(?![\d,]*,\d)(?:\.\d+)?|\.\d+)\s?"
    r"(?:%|\\%)?)"
    r"|(?P<pow>\^|(?<=[\d)])\*\*(?=[-\d(])|(?<=[\d)]\s)\*\*(?=\s[-\d(]))"
    r"|(?P<skip>\s+|\$|\*\*|°)"
    r"|(?P<op>\\times\b|\\cdot\b|\\div\b|//|[-+*/×÷−–·⋅]|\bof\b(?=\s*[\d($])"
    r"|(?:(?<!\w)|(?<=[1-9])|(?<=\d0))[xX](?=\s*[\d($])"
    r"|(?i:\b(?:plus|minus|times|multiplied\s+by|divided\s+by)\b)(?=\s*[-\d($]))"
    r"|(?P<cut>=>|[<>!:]=)|(?P<eq>={1,2})|(?P<par>[()])"
    r"|(?P<odd>\d[\d,]*|[√∛{}]|(?<=\d)!(?=\s*[-+*/=)])"
    r"|\\(?:sqrt|[dt]?frac|[dt]?binom|log|ln|exp|sin|cos|tan|sum|prod|lfloor|rfloor|lceil|rceil)\b"
    r"|\b(?:sqrt|log|ln|exp|sin|cos|tan|abs|min|max|gcd|lcm)(?=\s*\())"
    r"|(?P<word>[^\W\d_]+(?:\^\d\b|[²³])?)|(?P<other>\\[A-Za-z]+|.)"
)
_LOOKS_LIKE_ONE = re.compile(r"([\d)])\s*=\s*([-$(]*\d)")
_MARKED = re.compile(r"<<([^<>]*)>>")
_OPS = {
    **dict.fromkeys(("×", "\\times", "\\cdot", "·", "⋅", "x", "of", "times", "multiplied"), "*"),
    **dict.fromkeys(("÷", "\\div", "divided"), "/"),
    **dict.fromkeys(("−", "–", "minus"), "-"),
    "plus": "+",
}
_MARKS = frozenset(",;:.!?\"'&|[]#")  # they part, and are no operands
_NUMBERED = re.compile(r"^\s*(?:\(?\d+[.)](?!\d)|[-*•]\s)\s*")
_JOINS = frozenset(
    [
        *("and", "then", "so", "but", "or", "which", "for", "in", "of", "to", "per", "left"),
        *("has", "have", "had", "is", "are", "was", "makes", "gives", "costs", "holds", "with"),
    ]
)
_MOST_TOKENS = 60
_MOST_DIGITS = 30
_LARGE, _LARGEST = 10**30, 10**300
_MOST_CHARS = 5000


@dataclass(frozen=True, slots=True)
class Equation:
    """Two neighbouring sides as written; whether it holds, None if it can't be worked out.

    `fault` says what is wrong, as `3 * 4 is 12, not 13`.
    """

    left: str
    right: str
    holds: bool | None
    fault: str = ""


def equations(line: str) -> Iterator[Equation]:
    """All equations between numbers in a line, those within << >> among them."""
    if behind := _LOOKS_LIKE_ONE.search(line, _MOST_CHARS):
        yield Equation(f"… {behind[1]}", f"{behind[2]} …", None)
    line = typed(_NUMBERED.sub("", line[:_MOST_CHARS]))
    for part in (*_MARKED.findall(line), _MARKED.sub(" ", line)):
        if "=" not in part:
            continue
        for run in _runs(part):
            yield from _checked(run)


def _runs(text: str) -> Iterator[list[Token]]:
    """Stretches of numbers and operators; one word behind a number is its unit.

    What is neither ends a stretch. Where it may be an operand (a letter) a token without value
    stays at the end that it touches, so that no side with it is worked out.
    """
    run: list[Token] = []
    for found in _TOKEN.finditer(text):
        kind, shown = found.lastgroup or "", found.group()
        if kind == "skip":
            continue
        last = run[-1].kind if run else ""
        if kind == "op" and len(shown) > len("of") and shown[0].isalpha() and not _ends(run):
            kind = "word"  # `then plus 3 + 4` adds nothing to a number
        touches = text[found.start() - 1 : found.start()].isdigit()
        if shown == "of" and last == "unit":  # `4 packs of 10` multiplies nothing
            yield run
            run = []
        elif kind in {"num", "mixed", "op", "pow", "eq", "par", "odd"}:
            if kind in {"num", "mixed"} and (
                last in {"num", "unit"} or [one.kind for one in run] == ["word"]
            ):
                yield run
                # The second half of `1 hour 20 minutes` is worth nothing alone.
                half = last == "unit" and run[-1].text.lower() not in _JOINS
                run = [Token("half", "")] if half else []
            if shown == "(" and (last == "unit" or (last == "num" and not touches)):
                run.append(Token("half", ""))  # `16 and (2/3)`, `5 (3 + 2)`
            run.append(_token(kind, shown))
        elif (
            kind == "word"
            and (last == "num" or _closes_power(run))
            and not _is_variable(shown, touches)
        ):
            run.append(Token("unit", shown))
        else:
            operand = kind != "cut" and shown not in _MARKS
            if operand and (touches or last == "op" or _opens(run, shown)):
                run.append(Token("other", shown))
            yield run
            run = [Token(kind, shown)] if operand else []
    yield run


def _ends(run: Side) -> bool:
    """Whether an operator may follow."""
    return bool(run) and (run[-1].kind in {"num", "unit"} or run[-1].text == ")")


def _is_variable(word: str, touches: bool) -> bool:
    """Whether a word behind a number is a letter that it multiplies, as in `2x`, `2 x^2`."""
    letters = word.partition("^")[0].rstrip("²³")
    return len(letters) == 1 and (touches or letters != word)


def _closes_power(run: Side) -> bool:
    """Whether `10^(-19)` has just ended, behind which a unit may stand."""
    depth = 0
    for place in range(len(run) - 1, 0, -1):
        depth += (run[place].text == ")") - (run[place].text == "(")
        if not depth:
            return run[place].text == "(" and run[place - 1].text == "^"
    return False


def _opens(run: Side, word: str) -> bool:
    """Whether a word within a parenthesis belongs to the formula: `7 + (rest`, `5 (x`."""
    if len(run) < 2 or run[-1].text != "(":
        return False
    return run[-2].kind in {"num", "op"} or len(word) == 1


def _token(kind: str, shown: str) -> Token:
    if kind == "mixed":
        whole, *_, part = shown.split()
        above, below = map(int, part.split("/"))
        return (
            Token("num", shown, int(whole) + Fraction(above, below))
            if below
            else Token("odd", shown)
        )
    if kind == "pow":
        return Token("op", "^")
    if kind != "num":
        return Token(kind, _OPS.get(shown.lower().split()[0], shown))
    digits = shown.strip("$€£% \\").replace(",", "")
    if len(digits) > _MOST_DIGITS:
        return Token("odd", shown)
    value = Fraction(digits) / (100 if "%" in shown else 1)
    return Token(kind, shown.strip(), value)


def _checked(run: Side) -> Iterator[Equation]:
    """A chain, link by link."""
    if not any(one.kind == "eq" for one in run):
        return
    if len(run) > _MOST_TOKENS:
        yield Equation(_shown(run[:3]) + " …", "…", None)
        return
    sides: list[list[Token]] = [[]]
    for one in run:
        if one.kind == "eq":
            sides.append([])
        else:
            sides[-1].append(one)
    _unwrap(sides[0], sides[-1])
    chained = any(map(_is_work, sides))
    for left, right in pairwise(sides):
        found = _compared(left, right, chained)
        if found is not None:
            yield found


def _unwrap(first: list[Token], last: list[Token]) -> None:
    """Take off the parentheses around all of a chain, and one that opens or ends words beside."""
    if last and last[-1].text == "(":
        last.pop()
        if last and last[-1].kind == "half":
            last.pop()
    if last and last[-1].text == ")" and _depth(last) < 0:
        last.pop()
        if first and first[0].text == "(" and _depth(first) > 0:
            del first[0]
    if last and last[-1].text == "is" and _is_work(last):
        last.append(Token("half", ""))  # `8 * 45 = 360 divided by 5 is 72`


def _depth(side: Side) -> int:
    return sum((one.text == "(") - (one.text == ")") for one in side)


def _is_work(side: Side) -> bool:
    """Whether there is something to work out, beside a sign."""
    return any(one.kind == "op" for one in side[1:]) or any(one.kind == "odd" for one in side)


def _compared(left: Side, right: Side, chained: bool) -> Equation | None:
    """None where a side is no expression of numbers, or there is nothing to work out."""
    if _converts(left, right) or _converts(right, left):
        return None
    alike = _units(left) == _units(right)
    left, right = ([one for one in side if one.kind != "unit"] for side in (left, right))
    if not (_is_work(left) or _is_work(right) or (chained and alike)):
        return None
    if not (_has_numbers_alone(left) and _has_numbers_alone(right)):
        return None
    values = worth(left), worth(right)
    if values[0] is None or values[1] is None:
        return Equation(_shown(left), _shown(right), None)
    slack = max(_rounding(left), _rounding(right))
    # `100 - 50 = 50%` counts in percent.
    for scale in (1, *([100] if _is_percent(left) != _is_percent(right) else [])):
        if abs(values[0] * scale - values[1]) <= slack * scale or (
            scale > 1 and abs(values[0] - values[1] * scale) <= slack * scale
        ):
            return Equation(_shown(left), _shown(right), True)
    return Equation(_shown(left), _shown(right), False, _fault(left, right, values[0], values[1]))


def _has_numbers_alone(side: Side) -> bool:
    """No words, letters, nor the rest of a parenthesis that opened before some."""
    depths = accumulate((one.text == "(") - (one.text == ")") for one in side)
    return (
        any(one.value is not None for one in side)
        and not any(one.kind in {"word", "other", "half"} for one in side)
        and min(depths) >= 0
    )


def _fault(left: Side, right: Side, mine: Fraction, its: Fraction) -> str:
    first, second = _shown(left), _shown(right)
    if not _is_work(right):
        said = f"{first} is {_decimal(mine)}, not {second}"
        return said if _is_work(left) else f"{first} is not {second}"
    if not _is_work(left):
        return f"{second} is {_decimal(its)}, not {first}"
    return f"{first} is {_decimal(mine)}, but {second} is {_decimal(its)}"


def _converts(side: Side, other: Side) -> bool:
    """Whether a number is in a unit that the other side has not, as in `2 kg = 2 * 1000 g`."""
    mine, its = _units(side), _units(other)
    bare = [one for one in side if one.kind != "unit"]
    return (len(bare) == 1 or _is_scaled(bare)) and bool(its) and bool(mine - its)


def _units(side: Side) -> set[str]:
    words = {one.text.lower().rstrip("s") for one in side if one.kind == "unit"} - _JOINS
    return words | {"dollar" for one in side if one.text.startswith("$")}


def _is_percent(side: Side) -> bool:
    return len(side) == 1 and "%" in side[0].text


def _rounding(side: Side) -> Fraction:
    """Half of the last digit, where a side is one number that may be rounded, or `1.5 * 10^3`."""
    if _is_scaled(side):
        return _rounding(side[:1]) * (worth(side[2:]) or 0)
    if len(side) != 1 or "." not in side[0].text:
        return Fraction(0)
    digits = len(side[0].text.rstrip("% \\").partition(".")[2])
    return Fraction(1, 2 * 10**digits) / (100 if "%" in side[0].text else 1)


def _is_scaled(side: Side) -> bool:
    """Whether it begins with a number as science writes it, `1.5 * 10^3`."""
    return [one.text for one in side[1:4]] == ["*", "10", "^"]


def _shown(side: Side) -> str:
    return " ".join(one.text for one in side).replace("( ", "(").replace(" )", ")")


def _decimal(value: Fraction) -> str:
    if value.denominator == 1 and abs(value) < _LARGE:
        return str(value.numerator)
    return f"{float(max(Fraction(-_LARGEST), min(value, Fraction(_LARGEST)))):.6g}"
