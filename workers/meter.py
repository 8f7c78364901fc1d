"""Seconds of processors and of a GPU that this process used since it was last asked."""

import sys
import time


class Meter:
    """Counts from its making on."""

    def __init__(self) -> None:
        self._cpu = time.process_time()
        self._at = time.monotonic()

    def taken(self) -> tuple[float, float]:
        """Seconds of all its threads, and those in which it held a GPU; counting begins anew."""
        cpu, at = time.process_time(), time.monotonic()
        found = cpu - self._cpu, at - self._at if holds_gpu() else 0.0
        self._cpu, self._at = cpu, at
        return found


def holds_gpu() -> bool:
    """Whether this process computes on a GPU; torch is never loaded to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())
