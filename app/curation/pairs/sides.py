"""The two sides of a pair: shown in an order that tells nothing, and changed for one another."""

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

CHOSEN, REJECTED = "chosen", "rejected"


class Side(StrEnum):
    """What a person prefers of two answers of which nobody said which is which."""

    A = "a"
    B = "b"
    TIE = "tie"


def chosen_first(sample_id: int, person: object) -> bool:
    """Whether the chosen answer stands first: as good as by chance, always the same for a person.

    The order differs between people, so that a place that is favoured evens out.
    """
    return hashlib.sha256(f"{person}/{sample_id}".encode()).digest()[0] % 2 == 0


def shown(body: Mapping[str, Any], *, first: bool) -> tuple[str, str]:
    """The answers A and B."""
    both = (body[CHOSEN], body[REJECTED])
    return both if first else both[::-1]


def swapped(body: Mapping[str, Any]) -> dict[str, Any]:
    """The pair with the other answer chosen."""
    return {**body, CHOSEN: body[REJECTED], REJECTED: body[CHOSEN]}


def swapped_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of both sides, with the sides changed; `swapped` says that they were."""
    found: dict[str, Any] = {}
    for name, value in metadata.items():
        side, _, rest = name.partition("_")
        other = {CHOSEN: REJECTED, REJECTED: CHOSEN}.get(side) if rest else None
        found[f"{other}_{rest}" if other else name] = value
    if isinstance(margin := metadata.get("margin"), int | float):
        found["margin"] = -margin
    if isinstance(ratio := metadata.get("length_ratio"), int | float) and ratio:
        found["length_ratio"] = round(1 / ratio, 4)
    if metadata.get("swapped") is True:
        del found["swapped"]
    else:
        found["swapped"] = True
    return found
