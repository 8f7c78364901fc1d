"""Sentences of running text, by rules of English and the marks of other scripts."""

import re

_END = re.compile(r"[.!?…]+[\"'”’)\]*]*\s+(?=[^a-z\s])|(?<=[。！？])|\n\s*\n")
_SHORT = re.compile(
    r"(?:\b(?:Mrs?|Ms|Dr|Prof|St|vs|e\.g|i\.e|etc|No|Inc|Ltd|Jr|Sr|[A-Z]))\Z"
)  # what a full stop follows without ending a sentence


def sentences(text: str) -> list[str]:
    """The sentences, without white space around them; those without a letter or digit are none."""
    parts, start = [], 0
    for found in _END.finditer(text):
        before = text[max(0, found.start() - 8) : found.start()]
        if found.group().startswith(".") and _SHORT.search(before):
            continue
        parts.append(text[start : found.end()].strip())
        start = found.end()
    parts.append(text[start:].strip())
    return [one for one in parts if any(map(str.isalnum, one))]
