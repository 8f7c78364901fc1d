"""Formulas in LaTeX and in words, written as people type them: `(1/2)`, `2^(10)`, `4 = 4`."""

import re

_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}|(\d))\s*(?:\{([^{}]*)\}|(\d))")
_WRAPPED = re.compile(r"\\(?:text|mathrm|mbox|textbf|mathbf|boxed)\s*\{([^{}]*)\}")
_POWER = re.compile(r"\^\s*\{([^{}]*)\}")
_GOES_ON = re.compile(r"\\\\\s*&?\s*(?==)")
_SPACES = re.compile(r"\\[!,;: ()\[\]]|\\q?quad\b|~|\\(?:left|right|displaystyle)\b|&")
_EQUALS = re.compile(r"(?<=[\d)%])\s+equals?\s+(?=[-$\d(])")
_RAISED = re.compile(r"(?<=[\d)])[⁰¹²³⁴-⁹]+")
_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
_DEEPEST = 4  # fractions within fractions


def typed(line: str) -> str:
    """The same line without commands of LaTeX, as far as numbers need them."""
    if " equal" in line:
        line = _EQUALS.sub(" = ", line)
    if not line.isascii():
        line = _RAISED.sub(lambda found: "^" + found.group().translate(_DIGITS), line)
    return _without_latex(line) if "\\" in line or "^{" in line else line


def _without_latex(line: str) -> str:
    line = _GOES_ON.sub(" ", line).replace("\\\\", ", ").replace("{,}", ",")
    line = _SPACES.sub(" ", line.replace("\\$", "$").replace("^\\circ", "").replace("\\AA", "Å"))
    for _ in range(_DEEPEST):
        line = _POWER.sub(r"^(\1)", _WRAPPED.sub(r"\1", line))
        line = _FRACTION.sub(_inline, line)
    return line


def _inline(found: re.Match[str]) -> str:
    """A fraction in parentheses; behind a whole number the part of a mixed one."""
    above, below = ((found[one] or found[one + 1]).strip() for one in (1, 3))
    if above.isdecimal() and below.isdecimal():
        mixed = found.string[: found.start()].rstrip()[-1:].isdecimal()
        return f" {above}/{below}" if mixed else f"({above}/{below})"
    return f"(({above})/({below}))"
