"""How much a program in the sandbox may take."""

import resource
from dataclasses import dataclass

_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds of one processor and of the clock, bytes, numbers of processes and open files."""

    cpu_s: int = 5
    wall_s: float = 12.0
    memory: int = 512 * _MIB  # of each process, and of all of them together
    processes: int = 16
    file: int = 16 * _MIB
    folder: int = 32 * _MIB
    output: int = 1 * _MIB
    files: int = 64

    @classmethod
    def of(cls, seconds: int, memory_mb: int) -> "Limits":
        """So much time and memory. The clock allows twice the time: machines are shared."""
        return cls(cpu_s=seconds, wall_s=2 * seconds + 2, memory=memory_mb * _MIB)

    def by_process(self) -> dict[str, int]:
        """What the kernel enforces for each process, by the names of the module `resource`."""
        return {
            "RLIMIT_CPU": self.cpu_s,
            "RLIMIT_AS": self.memory,
            "RLIMIT_NPROC": self.processes,
            "RLIMIT_FSIZE": self.file,
            "RLIMIT_NOFILE": self.files,
            "RLIMIT_CORE": 0,
            "RLIMIT_STACK": min(64 * _MIB, _hard(resource.RLIMIT_STACK)),
            "RLIMIT_MEMLOCK": 0,
            "RLIMIT_MSGQUEUE": 0,
        }


def _hard(which: int) -> int:
    limit = resource.getrlimit(which)[1]
    return 1 << 62 if limit == resource.RLIM_INFINITY else limit
