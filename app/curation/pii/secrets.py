"""Keys, tokens and passwords that open something."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from app.curation.pii.kinds import SECRET, Hit

# Each maker's own prefix and length, as their documentation and scanners of secrets state them.
_KEYS = (
    ("AWS access key", r"(?:AKIA|ASIA)[0-9A-Z]{16}"),
    ("GitHub token", r"gh[pousr]_[0-9A-Za-z]{36,255}|github_pat_[0-9A-Za-z_]{22,255}"),
    ("GitLab token", r"glpat-[0-9A-Za-z_-]{20,64}"),
    ("Slack token", r"xox[abeoprs]-[0-9A-Za-z-]{10,250}"),
    ("Stripe key", r"(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{16,255}"),
    ("Google API key", r"AIza[0-9A-Za-z_-]{35}"),
    ("key of a model's API", r"sk-(?:proj-|ant-|or-)?(?=[\w-]*\d)[0-9A-Za-z_-]{20,255}"),
    ("token of a model hub", r"hf_[0-9A-Za-z]{30,64}"),
    ("JSON web token", r"eyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}"),
)
_KEY = re.compile(
    r"(?<![0-9A-Za-z_])(?:"
    + "|".join(f"(?P<k{number}>{shape})" for number, (_, shape) in enumerate(_KEYS))
    + r")(?![0-9A-Za-z_])"
)
_LABEL = r"(?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_OPENING = re.compile(rf"-----BEGIN {_LABEL}")
# Up to the next mark of this kind, so that many openings cost no more than one.
_PRIVATE_KEY = re.compile(rf"-----BEGIN {_LABEL}(?:(?!-----)[\s\S]){{0,20000}}-----END {_LABEL}")
_ASSIGNED = re.compile(
    r"\b(?:\w{0,30}_)?(?:password|passwd|passwort|pwd|secret|token|api[ _-]?key|access[ _-]?key"
    r"|auth[ _-]?key|secret[ _-]?key)[\"']?\s{0,3}(?::=|[=:])\s{0,3}[\"']?"
    r"([^\s\"'<>{}()\[\]$,;|*]{8,200})(?![\w(.\[])",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@<>]{1,64}:([^\s/@<>]{3,64})@")
_LEAST_ENTROPY = 3.0  # bits per character; words and examples such as "aaaa1111" stay below


def keys(text: str, start: int, end: int) -> Iterator[Hit]:
    """Keys that tell their maker by a prefix."""
    for found in _KEY.finditer(text, start, end):
        name = next(
            _KEYS[number][0] for number in range(len(_KEYS)) if found[f"k{number}"] is not None
        )
        yield Hit(SECRET, name, *found.span())


def assigned(text: str, start: int, end: int) -> Iterator[Hit]:
    """Private keys, over several lines, and values that look random after a word for a secret."""
    for opening in _OPENING.finditer(text, start, end):
        if key := _PRIVATE_KEY.match(text, opening.start()):
            yield Hit(SECRET, "private key", *key.span())
    for found in _ASSIGNED.finditer(text, start, end):
        if _looks_random(found[1]):
            yield Hit(SECRET, "password or token", *found.span(1))


def in_addresses(text: str, start: int, end: int) -> Iterator[Hit]:
    """Passwords between a user's name and an at sign."""
    for found in _IN_ADDRESS.finditer(text, start, end):
        yield Hit(SECRET, "password in an address", *found.span(1))


def _looks_random(value: str) -> bool:
    has_both = any(char.isdigit() for char in value) and any(char.isalpha() for char in value)
    return has_both and _entropy(value) >= _LEAST_ENTROPY - (len(value) < 12) * 0.5


def _entropy(value: str) -> float:
    """Shannon's, in bits per character."""
    shares = (count / len(value) for count in Counter(value).values())
    return -sum(share * math.log2(share) for share in shares)
