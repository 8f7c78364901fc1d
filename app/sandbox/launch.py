"""Make namespaces, show in them what is to be seen, start a program: run as a script of its own.

`launch.py ORDER COMMAND...`. It imports nothing of Winnow; what it does is what Bubblewrap does:
new namespaces, a root of tmpfs with read-only binds, pivot_root, no rights, a filter of system
calls, and a first process that reaps and takes all others with it when it ends.
"""

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

_USER, _PID, _NET, _IPC, _UTS, _MOUNT, _CGROUP = (
    *(0x10000000, 0x20000000, 0x40000000, 0x08000000),
    *(0x04000000, 0x00020000, 0x02000000),
)
_RDONLY, _NOSUID, _NODEV, _REMOUNT, _BIND, _REC, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_DETACH = 2
_DEATHSIG, _NO_NEW_PRIVS, _SECCOMP, _BOUNDING_DROP, _FILTER = 1, 38, 22, 24, 2
_AMBIENT, _AMBIENT_CLEAR = 47, 4
_SETGID, _SETUID, _LAST_CAPABILITY = 6, 7, 63
_SIGKILL = 9
_ROOT = "/tmp"  # noqa: S108 - only in our own mount namespace
_INODES = 4096
_INIT = "The first process of a sandbox"

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    wanted = json.loads(sys.argv[1])
    _die_with_parent(wanted["parent"])
    _unshare(users=wanted["users"])
    child = os.fork()
    if child:
        os._exit(_waited(child))
    _checked("prctl", _DEATHSIG, _SIGKILL, 0, 0, 0)
    _root(wanted)
    _without_rights(users=wanted["users"])
    program = os.fork()
    if program:
        _close_all()
        os._exit(_waited(program))
    os.setsid()
    _filtered(wanted["filter"])
    os.execve(sys.argv[2], sys.argv[2:], {**os.environ})  # noqa: S606 - what it is for


def _checked(call: str, *args: Any) -> None:
    if getattr(_libc, call)(*args) < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


def _die_with_parent(parent: int) -> None:
    _checked("prctl", _DEATHSIG, _SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def _unshare(*, users: bool) -> None:
    user, group = os.geteuid(), os.getegid()
    wanted = _PID | _NET | _IPC | _UTS | _MOUNT | _CGROUP
    _checked("unshare", wanted | _USER if users else wanted)
    if users:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"65534 {user} 1")
        Path("/proc/self/gid_map").write_text(f"65534 {group} 1")
    _checked("sethostname", b"sandbox", 7)


def _mount(what: str, where: str, kind: str | None, flags: int, options: str = "") -> None:
    kind_ = kind.encode() if kind else None
    _checked("mount", what.encode(), where.encode(), kind_, flags, options.encode() or None)


def _root(wanted: dict[str, Any]) -> None:
    """A root of its own, with what is to be seen; the old one is let go."""
    _mount("none", "/", None, _REC | _PRIVATE)
    _mount("tmpfs", _ROOT, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=755")
    os.chdir(_ROOT)
    os.mkdir("old")
    os.mkdir("new")
    _mount("tmpfs", "new", "tmpfs", _NOSUID | _NODEV, f"size=1m,nr_inodes={_INODES},mode=755")
    for here, there in wanted["binds"]:
        _bind(here, f"new{there}", _RDONLY | _NODEV)
    for path in wanted["hidden"]:
        _mount("tmpfs", f"new{path}", "tmpfs", _RDONLY | _NOSUID | _NODEV, "size=4k")
    for target, there in wanted["links"]:
        os.symlink(target, f"new{there}")
    for name in wanted["devices"]:
        _bind(f"/dev/{name}", f"new/dev/{name}", 0)
    folder = f"new{wanted['folder']}"
    os.mkdir(folder)
    options = f"size={wanted['size']},nr_inodes={_INODES},mode=777"
    _mount("tmpfs", folder, "tmpfs", _NOSUID | _NODEV, options)
    _mount("none", "new", None, _REMOUNT | _BIND | _RDONLY | _NOSUID | _NODEV)
    os.chdir("new")
    _checked("syscall", _pivot_root(), b".", b".")
    _checked("umount2", b".", _DETACH)
    os.chdir("/")
    os.chdir(wanted["folder"])


def _pivot_root() -> int:
    return 155 if os.uname().machine == "x86_64" else 41


def _bind(here: str, there: str, flags: int) -> None:
    place = Path(there)
    if Path(here).is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    _mount(here, there, None, _BIND | _REC)
    _mount("none", there, None, _REMOUNT | _BIND | _NOSUID | flags | _kept(there))


def _kept(path: str) -> int:
    """Flags of the mount below that a user namespace may not take away."""
    flags = os.statvfs(path).f_flag
    return flags & (os.ST_NOEXEC | os.ST_NOATIME | os.ST_NODIRATIME | os.ST_RELATIME | _RDONLY)


def _without_rights(*, users: bool) -> None:
    """No rights beyond those to become another user, where root starts this."""
    _checked("prctl", _AMBIENT, _AMBIENT_CLEAR, 0, 0, 0)
    stays = () if users else (_SETGID, _SETUID)
    for one in range(_LAST_CAPABILITY + 1):
        if one not in stays:
            _libc.prctl(_BOUNDING_DROP, one, 0, 0, 0)
    _checked("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


def _filtered(number: int | None) -> None:
    if number is None:
        return
    with os.fdopen(number, "rb") as file:
        code = file.read()
    held = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(held, ctypes.c_void_p).value)
    _checked("prctl", _SECCOMP, _FILTER, ctypes.byref(program), 0, 0)


def _close_all() -> None:
    """Pipes of the program must not stay open in its first process."""
    os.closerange(0, 1024)


def _waited(child: int) -> int:
    """Reap whatever ends, until the child does; its status as shells give it."""
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


if __name__ == "__main__":
    main()
