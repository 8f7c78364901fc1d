"""Samples that say the very same, once case, marks and spaces are left out."""

import hashlib
import re
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import numpy as np
from pydantic import Field

from app.curation.matchers import buckets
from app.curation.matchers.base import Matcher, Pairs, Read, Signed
from app.curation.signals.batch import Batch
from app.curation.text.shingles import composed

_BYTES = 16
_NOT_WORDS = re.compile(r"[\W_]+")
_DEFAULT_PORTS = (":80", ":443")


class Exact(Matcher):
    """Samples that are equal once case, punctuation and white space are left out.

    `prompt` compares what was asked, whatever the answer; `prompt_response` both, each for itself;
    `url` the address in the metadata, without its scheme, www, default port, fragment and last
    slash. A sample without a word, or without what is compared, matches none.
    """

    key: ClassVar = "exact"
    title: ClassVar = "Exact"
    signing: ClassVar = ("of", "keep_marks")
    measure: ClassVar = "equal text"

    of: Literal["content", "prompt", "prompt_response", "url"] = Field(
        "content", description="What is compared."
    )
    keep_marks: bool = Field(
        False, description="Count case, punctuation and spaces: texts must be equal in all."
    )

    def least(self) -> float:
        return 1.0

    def signed_width(self) -> int:
        return _BYTES

    def sign(self, batch: Batch) -> list[bytes]:
        return [_digest(part) for part in self._compared(batch)]

    def find(self, signed: Signed, read: Read) -> Pairs:  # noqa: ARG002 - nothing is read again
        rows, data = signed.whole(_BYTES)
        keys = np.ascontiguousarray(data).view(np.uint64)
        # Two halves of 64 bits: equal in the first by chance is different in the second.
        mixed = keys[:, 0] ^ (keys[:, 1] * np.uint64(0x9E3779B97F4A7C15))
        found, _ = buckets.pairs(mixed, signed.reference[rows])
        first, second = rows[found // len(rows)], rows[found % len(rows)]
        return Pairs(first, second, np.ones(len(found), np.float32))

    def _compared(self, batch: Batch) -> list[tuple[str, ...]]:
        if self.of == "url":
            return [(_address(one.metadata.get("url")),) for one in batch]
        if self.of == "prompt":
            return [(self._plain(one),) for one in batch.prompts]
        if self.of == "content":
            return [(self._plain(one),) for one in batch.texts]
        both = zip(batch.prompts, batch.responses, strict=True)
        return [(self._plain(prompt), self._plain(response)) for prompt, response in both]

    def _plain(self, text: str) -> str:
        if self.keep_marks:
            return composed(text)
        return _NOT_WORDS.sub(" ", composed(text).lower()).strip()


def _digest(parts: tuple[str, ...]) -> bytes:
    if not any(parts):
        return b""
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=_BYTES).digest()


def _address(url: object) -> str:
    """Host, path and query of an address as one would compare them by eye."""
    if not isinstance(url, str) or not url.strip():
        return ""
    text = url.strip()
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
    except ValueError:  # an address that is none: as it stands
        return text
    host = parts.netloc.lower().removeprefix("www.")
    for port in _DEFAULT_PORTS:
        host = host.removesuffix(port)
    query = f"?{parts.query}" if parts.query else ""
    return f"{host}{parts.path.rstrip('/')}{query}"
