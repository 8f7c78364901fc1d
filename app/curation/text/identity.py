"""What makes two samples the same: a hash over kind and content."""

import hashlib
import json
import unicodedata
from collections.abc import Mapping
from typing import Any

import orjson

from app.curation.records import Kind


def content_hash(kind: Kind, body: Mapping[str, Any]) -> bytes:
    """SHA-256 (32 bytes) over kind and body as JSON with sorted keys, texts in NFC."""
    content = [kind, _composed(body)]
    try:
        canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        canonical = _with_lone_surrogates(content)
    return hashlib.sha256(canonical).digest()


def _with_lone_surrogates(content: Any) -> bytes:
    """The same JSON for text that is no valid UTF-8, which the fast encoder refuses."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def _composed(value: Any) -> Any:
    match value:
        case str():
            return value if value.isascii() else unicodedata.normalize("NFC", value)
        case list() | tuple():
            return [_composed(item) for item in value]
        case Mapping():
            return {key: _composed(item) for key, item in value.items()}
        case _:
            return value
