"""JSON objects within text, as models write them: with words or markup around."""

import json
from collections.abc import Mapping
from typing import Any

_DECODER = json.JSONDecoder()
_MOST_TRIES = 500  # beginnings of objects: a reply of nothing else would take for ever


def last_object(reply: str) -> Mapping[str, Any] | None:
    """The last JSON object in a reply, whatever stands around it."""
    found, place = None, reply.find("{")
    for _ in range(_MOST_TRIES):
        if place < 0:
            break
        try:
            value, end = _DECODER.raw_decode(reply, place)
        except (ValueError, RecursionError):
            end = place + 1
        else:
            found = value if isinstance(value, dict) else found
        place = reply.find("{", end)
    return found
