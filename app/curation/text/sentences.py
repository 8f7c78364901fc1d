"""Sentences of running text, by rules of English and the marks of other scripts."""

import re

_SHORT = (
    r"(?<!\bMr)(?<!\bMrs)(?<!\bMs)(?<!\bDr)(?<!\bProf)(?<!\bSt)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)"
    r"(?<!\betc)(?<!\bNo)(?<!\bInc)(?<!\bLtd)(?<!\bJr)(?<!\bSr)(?<!\b[A-Z])"
)
_END = re.compile(
    rf"(?:(?<=[!?…])|{_SHORT}(?<=\.))[\"'”’)\]*]*\s+(?=[^a-z\s])|(?<=[。！？])|\n\s*\n"
)


def sentences(text: str) -> list[str]:
    """The sentences, without white space around them; those without a letter or digit are none."""
    parts = (one.strip() for one in _END.split(text))
    return [one for one in parts if any(map(str.isalnum, one))]
