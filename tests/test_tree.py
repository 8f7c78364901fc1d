"""The process tree of `winnow up` and the guard that ends it."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from app import guard, tending
from app.errors import ConflictError, UnavailableError
from app.tending import Tended
from app.tree import Tree, locked

STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('here', flush=True); time.sleep(60)"
)


# Whoever runs the tests in the background has the interrupt ignored, and children inherit that.
_HEEDS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "


def _sleeper(
    code: str = _HEEDS + "print('here', flush=True); import time; time.sleep(60)",
) -> psutil.Popen:
    process = psutil.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    return process


def _end(process: psutil.Popen) -> int:
    code: int = process.wait(timeout=10)
    process.stdout.close()
    return code


def test_the_guard_ends_what_was_left() -> None:
    left = _sleeper()

    guard.watch([f"{guard.GROUP} {left.pid}\n"])

    assert _end(left) in {-signal.SIGTERM, -signal.SIGKILL}


def test_the_guard_makes_what_will_not_end() -> None:
    left = _sleeper(STUBBORN)

    guard.end_groups([left.pid], grace_s=0.2)

    assert _end(left) == -signal.SIGKILL


def test_the_guard_leaves_alone_what_was_stopped_in_order() -> None:
    running = _sleeper()

    guard.watch([f"{guard.GROUP} {running.pid}\n", guard.DONE])

    assert running.is_running()
    running.kill()
    _end(running)


def test_the_guard_stops_the_database(tmp_path: Path) -> None:
    database = _sleeper()
    (tmp_path / "postmaster.pid").write_text(f"{database.pid}\nmore\n")

    # The test has to reap it meanwhile: the real one is a child of nobody here.
    started = time.monotonic()
    guard.watch([f"{guard.POSTGRES} {tmp_path}\n", f"{guard.POSTGRES} {tmp_path / 'none'}\n"])

    assert _end(database) != 0
    assert time.monotonic() - started < 10


def test_a_folder_is_held_once(tmp_path: Path) -> None:
    with (
        locked(tmp_path),
        pytest.raises(ConflictError, match="already, as process"),
        locked(tmp_path),
    ):
        pass

    with locked(tmp_path):
        pass


def test_all_parts_end_together(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with locked(tmp_path) as lock:
        tree = Tree(lock)
        tree.watch_postgres(tmp_path, Tended("database", ended=lambda: "", start=lambda: None))
        tree.start("help", ["--help"], {})
        deadline = time.monotonic() + 20
        while tree.ended() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        assert tree.ended() == "help"
        tree.stop()

    assert tree.stopping
    assert "import" in capfd.readouterr().err  # never on our standard output


def beats() -> list[psutil.Process]:
    """The children of this process that are a beat; what has ended has no command line."""
    found = []
    for one in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if "beat" in one.cmdline():
                found.append(one)
    return found


def test_what_ended_is_started_again(tmp_path: Path) -> None:
    with locked(tmp_path) as lock:
        tree = Tree(lock)
        tree.start("web", ["beat"], {"WINNOW_HOME": str(tmp_path)})
        (first,) = beats()
        first.kill()
        deadline = time.monotonic() + 20
        again: list[psutil.Process] = []
        while not again and time.monotonic() < deadline:
            tree.tend()
            time.sleep(0.05)
            again = [one for one in beats() if one.pid != first.pid]
        tree.stop()

    assert len(again) == 1
    assert not again[0].is_running()


def test_what_keeps_ending_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tending, "_FIRST_PAUSE_S", 0)
    started: list[int] = []
    part = Tended("web", ended=lambda: "exit code 1", start=lambda: started.append(1))

    for _ in range(10):
        part.tend()

    assert len(started) == 10
    with pytest.raises(UnavailableError, match="The web process ended 11 times"):
        part.tend()


def test_pauses_grow_and_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("app.tending.time.monotonic", lambda: now[0])
    starts: list[float] = []
    part = Tended("web", ended=lambda: "exit code 1", start=lambda: starts.append(now[0]))

    while now[0] < 8:
        part.tend()
        now[0] += 0.5

    assert starts == [0.5, 2.0, 4.5]


def test_a_killed_parent_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\nimport sys, time\nfrom app.tree import Tree, locked\n"
        f"with locked(Path({str(tmp_path)!r})) as lock:\n"
        "    tree = Tree(lock)\n"
        f"    tree.start('web', ['beat'], {{'WINNOW_HOME': {str(tmp_path)!r}}})\n"
        "    print('here', flush=True)\n    time.sleep(60)\n"
    )
    parent = _sleeper(code)
    parts = parent.children(recursive=True)
    assert len(parts) == 2

    parent.kill()
    _end(parent)

    _, alive = psutil.wait_procs(parts, timeout=15)
    assert alive == []
    with locked(tmp_path):
        pass
