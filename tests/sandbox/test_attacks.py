"""Programs that try to get out: each would succeed if what it tries were not kept from it."""

import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.sandbox.boxes import Box
from app.sandbox.limits import Limits

MIB = 1 << 20


def ran(box: Box, source: str, **limits: float) -> str:
    """What a program printed, and the limit it was ended for."""
    found = box.run(textwrap.dedent(source), Limits(**{"wall_s": 10.0, **limits}))  # type: ignore[arg-type]
    return f"{found.output}|{found.over}"


@pytest.fixture
def marker() -> Iterator[str]:
    """Something on the command line that no other process has."""
    found = f"marker{os.getpid()}x{time.monotonic_ns()}"
    yield found
    assert not running(found)


def running(marker: str) -> list[int]:
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker in one.read_bytes().decode(errors="replace"):
                found.append(int(one.parent.name))
        except OSError:
            continue
    return found


def test_an_endless_loop_ends_with_its_processor_time(box: Box) -> None:
    began = time.monotonic()

    said = ran(box, "while True: pass", cpu_s=1)

    assert said == "|used up its 1 s of processor time"
    assert time.monotonic() - began < 5


def test_sleep_ends_with_the_clock(box: Box) -> None:
    said = ran(box, "import time; time.sleep(60)", wall_s=0.5)

    assert said.endswith("|did not end within 0 s") or "did not end" in said


def test_a_fork_bomb_stays_small_and_goes_with_the_program(box: Box) -> None:
    said = ran(
        box,
        """
        import os, time
        count = 0
        try:
            while count < 200:
                if os.fork() == 0:
                    time.sleep(30)
                count += 1
        except OSError:
            pass
        print(count)
        """,
    )

    count = int(said.split("|")[0])
    assert count < Limits().processes


def test_threads_count_too(box: Box) -> None:
    said = ran(
        box,
        """
        import threading, time
        count = 0
        try:
            while count < 200:
                threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
                count += 1
        except RuntimeError:
            print(count)
        """,
    )

    assert int(said.split("|")[0]) < Limits().processes


def test_50_gigabytes_are_not_to_be_had(box: Box) -> None:
    said = ran(
        box,
        """
        for size in (50 << 30, 700 << 20):  # the second is little for the machine, not for it
            try:
                held = bytearray(size)
            except MemoryError:
                print("refused")
        """,
    )

    assert said == "refused\nrefused\n|"


def test_memory_of_all_processes_together_is_bounded(box: Box) -> None:
    said = ran(
        box,
        """
        import os, time
        for _ in range(6):
            if os.fork() == 0:
                held = bytearray(100 << 20)
                for place in range(0, len(held), 4096):
                    held[place] = 1
                time.sleep(30)
        time.sleep(30)
        """,
        memory=200 * MIB,
    )

    assert said == "|took more than 200 MiB of memory"


def test_memory_that_processes_share_is_bounded_and_counts_once(box: Box) -> None:
    source = """
        import mmap, os, time
        held = [mmap.mmap(-1, 60 << 20) for _ in range({own})]
        for number in range(6):
            if os.fork() == 0:
                for one in held or [mmap.mmap(-1, 60 << 20)]:
                    for place in range(0, len(one), 4096):
                        one[place] = 1
                time.sleep(30 if not held else 0.5)
                os._exit(0)
        time.sleep(30 if not held else 1)
        print("done")
        """

    assert ran(box, source.format(own=0), memory=200 * MIB).endswith(
        "|took more than 200 MiB of memory"
    )
    assert ran(box, source.format(own=1), memory=200 * MIB) == "done\n|"


@pytest.mark.parametrize(
    "spin",
    [
        "for _ in range(8):\n    if os.fork() == 0:\n        while True: pass\ntime.sleep(30)",
        # Each lives for a short time, and is waited for or not.
        "while True:\n    if os.fork() == 0:\n        spin()\n    os.wait()",
        "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "while True:\n    if os.fork() == 0:\n        spin()\n    time.sleep(0.2)",
    ],
    ids=["at once", "one after the other", "forgotten"],
)
def test_processor_time_of_all_processes_together_is_bounded(box: Box, spin: str) -> None:
    source = (
        "import os, signal, time\n"
        "def spin():\n"
        "    while time.process_time() < 0.2: pass\n"
        "    os._exit(0)\n"
    )
    began = time.monotonic()

    assert ran(box, source + spin, cpu_s=1).endswith("|used up its 1 s of processor time")
    assert time.monotonic() - began < 8


def test_a_file_of_50_gigabytes_is_not_to_be_had(box: Box) -> None:
    said = ran(
        box,
        """
        import signal
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = 0
        try:
            with open("/work/large", "wb", buffering=0) as file:
                while size < 50 << 30:
                    size += file.write(bytes(1 << 20))
        except OSError as error:
            print(size >> 20, error.errno)
        """,
    )

    assert said == "16 27\n|"


def test_many_files_do_not_get_around_that(box: Box) -> None:
    said = ran(
        box,
        """
        total = 0
        try:
            for number in range(1000):
                with open(f"/work/{number}", "wb", buffering=0) as file:
                    total += file.write(bytes(1 << 20))
        except OSError as error:
            print(total >> 20, error.errno)
        """,
    )

    assert said == "32 28\n|"


def test_empty_files_without_end_are_a_limit_too(box: Box) -> None:
    """They hold memory of the kernel, which the size of the folder does not count."""
    said = ran(
        box,
        """
        number = 0
        try:
            while True:
                open(f"/work/{number}", "w").close()
                number += 1
        except OSError as error:
            print(number < 5000, error.errno)
            import time
            time.sleep(0.2)
        """,
    )

    assert "made more than 4,096 files" in said or said == "True 28\n|"


def test_settings_database_and_homes_are_not_there(box: Box, tmp_path: Path) -> None:
    secret = tmp_path / "settings.env"
    secret.write_text("WINNOW_SECRET=1")
    place = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(place)
        listening.listen()

        said = ran(
            box,
            f"""
            import os, socket
            paths = [{str(secret)!r}, {place!r}, {str(Path.cwd())!r}, "/etc/passwd", "/etc/shadow",
                     "/home", "/var", "/run", "/tmp", "/proc/self/environ", "/proc/1/environ",
                     "/sys", "/dev/vda", "/dev/mem", "/dev/tty"]
            print([one for one in paths if os.path.lexists(one)])
            try:
                socket.socket(socket.AF_UNIX).connect({place!r})
            except OSError as error:
                print(error.errno)
            """,
        )

    assert said == "[]\n2\n|"


def test_the_environment_is_its_own(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINNOW_SECRET", "do not tell")

    said = ran(box, "import os; print(sorted(os.environ)); print('do not tell' in str(os.environ))")

    assert "WINNOW" not in said
    assert "False" in said


def test_no_open_file_is_inherited(box: Box, tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)

        said = ran(
            box,
            """
            import os, stat
            found = []
            for number in range(3, 64):
                try:
                    found.append(number) if stat.S_ISREG(os.fstat(number).st_mode) else None
                except OSError:
                    pass
            print(len(found))
            """,
        )

    assert said == "0\n|"


def test_there_is_no_way_out_to_a_network(box: Box) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]

        said = ran(
            box,
            f"""
            import socket
            for address in [("127.0.0.1", {port}), ("1.1.1.1", 53), ("169.254.169.254", 80)]:
                try:
                    socket.create_connection(address, timeout=2)
                    print("connected", address)
                except OSError as error:
                    print(type(error).__name__)
            try:
                socket.getaddrinfo("example.org", 80)
                print("resolved")
            except OSError:
                pass
            """,
        )

    assert "connected" not in said
    assert "resolved" not in said


@pytest.mark.parametrize("family", ["AF_VSOCK", "AF_NETLINK", "AF_PACKET", "AF_ALG"])
def test_sockets_that_know_no_namespace_are_refused(box: Box, family: str) -> None:
    said = ran(
        box,
        f"""
        import socket
        try:
            socket.socket(socket.{family}, socket.SOCK_RAW if "{family}" != "AF_ALG" else 5)
            print("made")
        except OSError as error:
            print(error.errno)
        """,
    )

    assert said == "97\n|"  # address family not supported


def test_nothing_outside_its_folder_can_be_written(box: Box) -> None:
    said = ran(
        box,
        """
        import os, sys
        wrote = []
        for folder, _, _ in os.walk("/"):
            if folder.startswith("/work"):
                continue
            try:
                with open(os.path.join(folder, "x"), "w"):
                    wrote.append(folder)
            except OSError:
                pass
        print(wrote)
        for path in (os.__file__, sys.executable):
            try:
                os.chmod(path, 0o777)
                print("changed")
            except OSError:
                pass
        open("/work/mine", "w").write("x")
        print(os.listdir("/work"))
        """,
        wall_s=120,  # every folder of a cold disk is tried
        cpu_s=60,
    )

    assert said == "[]\n['mine']\n|"


def test_its_folder_is_empty_each_time(box: Box) -> None:
    source = "import os; print(os.listdir('.'), os.getcwd()); open('left', 'w')"

    assert ran(box, source) == ran(box, source) == "[] /work\n|"


def test_links_lead_nowhere(box: Box, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("told")

    said = ran(
        box,
        f"""
        import os
        for target in ({str(secret)!r}, "/work/../..{secret}", "/proc/self/root{secret}"):
            os.symlink(target, "link")
            try:
                print(open("link").read())
            except OSError as error:
                print(error.errno)
            os.unlink("link")
        """,
    )

    assert said == "2\n2\n2\n|"


def test_signals_do_not_reach_the_parent_or_others(box: Box) -> None:
    with subprocess.Popen(["sleep", "30"]) as other:
        said = ran(
            box,
            f"""
            import os, signal
            for number in (os.getppid(), {os.getpid()}, {other.pid}, 1):
                try:
                    os.kill(number, signal.SIGKILL)
                except OSError as error:
                    print(error.errno)
            try:
                os.kill(-1, signal.SIGTERM)
            except OSError as error:
                print(error.errno)
            print("still here")
            """,
        )

        assert other.poll() is None
        other.kill()
    assert "3\n3\n" in said  # there are no such processes


def test_processes_left_behind_are_gone(box: Box, marker: str) -> None:
    said = ran(
        box,
        f"""
        import os, sys, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                sleeps = "import time; time.sleep(60)"
                os.execv(sys.executable, [sys.executable, "-sS", "-c", sleeps, "{marker}"])
            os._exit(0)
        time.sleep(0.3)
        print("done")
        """,
    )

    assert said == "done\n|"
    deadline = time.monotonic() + 2
    while running(marker) and time.monotonic() < deadline:
        time.sleep(0.05)


def test_a_gigabyte_of_output_is_cut(box: Box) -> None:
    found = box.run("import os\nwhile True: os.write(1, bytes(1 << 16))", Limits(wall_s=10))

    assert found.over == "printed more than 1024 KiB"
    assert len(found.output) <= MIB


def test_deep_recursion_is_an_end_like_others(box: Box) -> None:
    said = ran(
        box,
        """
        import sys
        sys.setrecursionlimit(10 ** 9)
        def down(n):
            return down(n + 1) + 1 if n else [repr(one) for one in [nested]]
        nested = []
        for _ in range(200_000):
            nested = [nested]
        down(1)
        """,
        cpu_s=2,
    )

    assert any(end in said for end in ("crashed", "Error", "memory", "used up", "did not end"))


CALLS = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *args):
    found = getattr(libc, name)(*args)
    print(name, "done" if found >= 0 else errno.errorcode[ctypes.get_errno()])
"""


@pytest.mark.parametrize(
    "call",
    [
        'call("ptrace", 16, 1, 0, 0)',
        'call("mount", b"none", b"/work", b"tmpfs", 0, None)',
        'call("umount2", b"/", 2)',
        'call("chroot", b"/work")',
        'call("unshare", 0x10000000)',
        'call("setns", 0, 0)',
        'call("memfd_create", b"x", 0)',
        'call("shmget", 0, 1 << 30, 0o1600)',
        'call("sethostname", b"x", 1)',
        'call("syscall", 321, 0, 0, 0)',
        'call("syscall", 425, 1, 0)',
        'call("syscall", 250, 0, 0)',
        'call("reboot", 0)',
    ],
)
def test_calls_that_open_sandboxes_are_refused(box: Box, call: str) -> None:
    assert ran(box, CALLS + call).endswith(" EPERM\n|")


def test_it_is_another_user_without_rights(box: Box) -> None:
    said = ran(
        box,
        """
        import os, ctypes
        libc = ctypes.CDLL(None, use_errno=True)
        print(os.getuid() == 0, os.geteuid() == 0, os.getgroups() in ([], [65534]))
        print(libc.prctl(39, 0, 0, 0, 0))
        for name in ("setuid", "setgid"):
            try:
                getattr(os, name)(0)
                print("became root")
            except OSError:
                pass
        """,
    )

    assert said == "False False True\n1\n|"  # no new privileges


def test_limits_can_not_be_raised(box: Box) -> None:
    said = ran(
        box,
        """
        import resource
        for name in ("CPU", "AS", "NPROC", "FSIZE", "NOFILE"):
            which = getattr(resource, f"RLIMIT_{name}")
            try:
                resource.setrlimit(which, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                print("raised", name)
            except (ValueError, OSError):
                pass
        """,
    )

    assert said == "|"


def test_a_worker_that_is_killed_leaves_nothing_running(box: Box, marker: str) -> None:
    sleeps = f"""
import os, sys
os.execv(sys.executable, [sys.executable, "-sS", "-c", "import time; time.sleep(60)", "{marker}"])
"""
    code = f"""
from app.sandbox.boxes import Box
from app.sandbox.strength import BACKENDS
Box(next(one for one in BACKENDS if one.NAME == {box.name!r})).run({sleeps!r})
"""
    worker = subprocess.Popen([sys.executable, "-c", code])
    try:
        deadline = time.monotonic() + 60  # the first to import on a busy machine
        while len(running(marker)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(running(marker)) >= 2  # the worker itself, and what it runs
    finally:
        worker.kill()
        worker.wait()

    deadline = time.monotonic() + 10
    while running(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running(marker) == []
