"""Noise in texts: spaces, capitals, look-alike characters and stray markup, at a given rate."""

import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from app.curation.generators.base import Draft, Gate, Made, Outcome, Plain, settled
from app.curation.generators.edits import Change, applied, edited_field, with_field
from app.curation.records import Kind, Record

# Cyrillic letters that look like these Latin ones.
_ALIKE = dict(
    zip(
        "aceiopsxyABCEHIKMOPTX",
        "\u0430\u0441\u0435\u0456\u043e\u0440\u0455\u0445\u0443"
        "\u0410\u0412\u0421\u0415\u041d\u0406\u041a\u041c\u041e\u0420\u0422\u0425",
        strict=True,
    )
)
_SHORT = Gate("long enough", False, "It is too short for noise at this rate.")
_STRAY = ("*", "_", "#", "`", "~", ">")
Noisy = Callable[[str, random.Random], str]


def _spaced(char: str, rng: random.Random) -> str:
    if char == " ":
        return rng.choice(("  ", "\t", "\u00a0"))
    return char + " "


def _alike(char: str, _rng: random.Random) -> str:
    if char in _ALIKE:
        return _ALIKE[char]
    return chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char + "\u200b"


_NOISES: Mapping[str, Noisy] = {
    "whitespace": _spaced,
    "case": lambda char, _rng: char.swapcase(),
    "unicode": _alike,
    "markdown": lambda char, rng: char + rng.choice(_STRAY),
}


class Noise(Plain):
    """Texts with noise, such as scrapers, keyboards and converters leave.

    `rate` is the share of characters that are touched, exact to one character. The same seed makes
    the same bytes; what was touched is recorded and can be undone exactly.
    """

    key: ClassVar = "noise"
    title: ClassVar = "Noise"
    # An error in the chosen side of a pair would teach what is wrong as the better answer.
    kinds: ClassVar = frozenset(Kind) - {Kind.PREFERENCE}

    rate: float = Field(0.03, gt=0, le=0.5, description="Share of characters that are touched")
    what: Literal["all", "whitespace", "case", "unicode", "markdown"] = Field(
        "all", description="One kind of noise, or all of them in turn"
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Another seed makes other noise")

    def make(self, seeds: Sequence[Record]) -> list[list[Made]]:
        return [[self._made(one)] for one in seeds]

    def _made(self, seed: Record) -> Made:
        name, text = edited_field(seed)
        places = [at for at, char in enumerate(text) if self._fits(char)]
        count = min(round(len(text) * self.rate), len(places))
        if not count:
            return settled(None, [_SHORT])
        rng = random.Random(zlib.crc32(text.encode("utf-8", "replace")) ^ self.seed)
        noisy, edits = applied(
            text, [self._change(text, at, rng) for at in rng.sample(places, count)]
        )
        told = {"field": name, "edits": [one.as_json() for one in edits]}
        body = with_field(seed, name, noisy)
        draft = Draft(seed.kind, body, (seed.id,), "noise", seed.language, seed.domain, told)
        return Made(Outcome.ACCEPTED, draft)

    def _fits(self, char: str) -> bool:
        return char.swapcase() != char if self.what == "case" else not char.isspace() or char == " "

    def _change(self, text: str, at: int, rng: random.Random) -> Change:
        kinds = [self.what] if self.what != "all" else list(_NOISES)
        if text[at].swapcase() == text[at] and len(kinds) > 1:
            kinds.remove("case")
        kind = rng.choice(kinds)
        return Change(kind, at, at + 1, _NOISES[kind](text[at], rng))
