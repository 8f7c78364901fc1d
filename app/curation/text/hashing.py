"""Hashes of spans and a hash set that is emptied by counting up, for compiled loops."""

import numpy as np
from numpy.typing import NDArray

from app.curation.text.corpus import Codes
from app.curation.text.jit import njit

Hashes = NDArray[np.uint64]
Stamps = NDArray[np.int64]

_BASE = np.uint64(0x9E3779B97F4A7C15)
_SEED = np.uint64(0xCBF29CE484222325)
_MIX = np.uint64(0xFF51AFD7ED558CCD)
_SHIFT = np.uint64(32)


@njit
def mix(value: np.uint64) -> np.uint64:
    """Spread every bit over the low ones, which choose the slot."""
    value = (value ^ (value >> _SHIFT)) * _MIX
    return value ^ (value >> _SHIFT)


@njit
def span_hash(codes: Codes, start: int, end: int) -> np.uint64:
    """64 bits for the characters of a span; equal spans have equal hashes."""
    value = _SEED
    for at in range(start, end):
        value = (value ^ np.uint64(codes[at])) * _BASE
        value ^= value >> _SHIFT
    return mix(value)


@njit
def begin_grams(grams: Hashes) -> None:
    """Make these n-grams of no token."""
    grams[:] = _SEED


@njit
def lengthen_grams(grams: Hashes, hashes: Hashes, size: int) -> None:
    """Append to the n-gram at each place its token number `size`: a step, not `size` of them.

    A lookup takes `mix` of a gram.
    """
    for at in range(len(hashes) - size + 1):
        value = (grams[at] ^ hashes[at + size - 1]) * _BASE
        grams[at] = value ^ (value >> _SHIFT)


@njit
def room_for(count: int) -> int:
    """A power of two at least twice as large, so that probing stays short."""
    room = 16
    while room < 2 * count:
        room *= 2
    return room


@njit
def find_slot(keys: Hashes, stamps: Stamps, room: int, stamp: int, key: np.uint64) -> int:
    """The slot that holds the key, or the free one where it belongs.

    A slot is free when its stamp is not the current one: a new stamp empties the set at no cost.
    `room` may be smaller than the arrays, which keeps short texts in the processor's cache.
    """
    mask = np.uint64(room - 1)
    slot = np.int64(key & mask)
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + 1) & (room - 1)
    return int(slot)


@njit
def seen(keys: Hashes, stamps: Stamps, room: int, stamp: int, key: np.uint64) -> bool:
    """Whether the key is in the set; it is afterwards."""
    slot = find_slot(keys, stamps, room, stamp, key)
    known = stamps[slot] == stamp
    keys[slot], stamps[slot] = key, stamp
    return bool(known)
