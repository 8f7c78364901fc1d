"""Compiled loops: numba with the cache on, and without it where no folder can be written."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numba

P = ParamSpec("P")
R = TypeVar("R")


def njit(function: Callable[P, R]) -> Callable[P, R]:
    """Compile on first call, release the GIL, keep the machine code in NUMBA_CACHE_DIR or beside.

    A source tree that nobody can write to is no reason to fail: then each process compiles anew.
    The cache notices a change of the module it belongs to, not of loops that this one calls in
    other modules: after editing those, and with every release, start from an empty cache.
    """
    try:
        compiled: Callable[P, R] = numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:
        compiled = numba.njit(nogil=True)(function)
    return compiled
