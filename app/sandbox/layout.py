"""What of this machine a program in the sandbox sees: a Python, its libraries, four devices."""

import compileall
import functools
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HOME = "/sandbox"  # where the package `inside` is
FOLDER = "/work"  # the program's own
INSIDE = Path(__file__).parent / "inside"
DEVICES = ("null", "zero", "full", "urandom")
_SYSTEM = ("lib", "lib64", "lib32", "usr/lib", "usr/lib64")


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths shown read-only as (here, there), links as (target, there), the Python to start.

    `hidden` are folders below that are covered: packages that were installed for other programs.
    """

    binds: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]
    python: str
    libraries: tuple[str, ...]


@functools.cache
def layout(libraries: tuple[str, ...] = ()) -> Layout:
    """The layout, with these of the installed packages."""
    binds: list[tuple[str, str]] = []
    links: list[tuple[str, str]] = []
    for name in _SYSTEM:
        path = Path("/") / name
        if path.is_symlink():
            links.append((str(path.readlink()), str(path)))
        elif path.is_dir():
            binds.append((str(path), str(path)))
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    base = Path(sys.base_prefix).resolve() / "lib"
    if not any(base.is_relative_to(one) for one, _ in binds):
        binds.append((str(base), str(base)))
    binds.append((str(python), str(python)))
    if Path("/etc/ld.so.cache").exists():
        binds.append(("/etc/ld.so.cache", "/etc/ld.so.cache"))
    binds.append((str(INSIDE), f"{HOME}/inside"))
    compileall.compile_dir(INSIDE, quiet=2)  # once here, rather than in every sandbox
    packages = [path for name in libraries for path in _folders(name)]
    binds += [(str(path), f"/libraries/{path.name}") for path in packages]
    seen = ("/libraries",) if packages else ()
    return Layout(tuple(binds), tuple(links), _packages(base), str(python), seen)


def _packages(base: Path) -> tuple[str, ...]:
    found = (*base.glob("python3*/site-packages"), *base.glob("python3*/dist-packages"))
    return tuple(map(str, sorted(found)))


def _folders(name: str) -> Sequence[Path]:
    """A package, and the shared objects that its wheel puts beside it."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        return ()
    package = Path(found.submodule_search_locations[0])
    beside = package.with_name(f"{name}.libs")
    return (package, beside) if beside.is_dir() else (package,)
