"""The processes of `winnow up`: one set per home folder, started together, ended together."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from app import guard
from app.errors import ConflictError
from app.tending import Tended

ROOT = Path(__file__).resolve().parents[1]
_GRACE_S = 1.0
_STOP_S = 10.0
_TAKE_OVER_S = 20.0


@contextmanager
def locked(home: Path) -> Iterator[int]:
    """Hold the home folder, so that no second `winnow up` uses it; answers the lock's descriptor.

    A start after `kill -9` waits here until the guard of the one before has cleaned up.
    """
    with (home / "up.lock").open("a+") as file:
        _lock(file, home)
        file.seek(0)
        file.truncate()
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def _lock(file: IO[str], home: Path) -> None:
    deadline = time.monotonic() + _TAKE_OVER_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip()
            if _alive(owner) or time.monotonic() > deadline:
                raise ConflictError(
                    f"Winnow runs on {home} already, as process {owner or 'unknown'}. "
                    "Stop that one first, or give another folder with --home."
                ) from None
            time.sleep(0.1)
        else:
            return


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


class Tree:
    """The parts of one `winnow up`: started again when they end, ended when this process is."""

    def __init__(self, lock: int) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._tended: list[Tended] = []
        self.stopping = False
        self._guard = subprocess.Popen(
            [sys.executable, "-m", "app.guard"],
            stdin=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            pass_fds=(lock,),
            start_new_session=True,
        )

    def watch_postgres(self, folder: Path, tended: Tended) -> None:
        """Have the guard stop this Postgres too, and start it again when it ends."""
        self._tell(f"{guard.POSTGRES} {folder}")
        self._tended.append(tended)

    def start(
        self,
        name: str,
        arguments: Sequence[str],
        env: Mapping[str, str],
        before_again: Callable[[], object] | None = None,
    ) -> None:
        """Start a part, and again whenever it ends by itself; before that call `before_again`."""

        def again() -> None:
            self._kill(self._processes[name])
            if before_again is not None:
                before_again()
            self._launch(name, arguments, env)

        self._launch(name, arguments, env)
        self._tended.append(
            Tended(
                name,
                ended=lambda: self._ended(name),
                start=again,
            )
        )

    def _launch(self, name: str, arguments: Sequence[str], env: Mapping[str, str]) -> None:
        """Ctrl-C reaches it through us, not through the terminal."""
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "app.cli", *arguments],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=2,  # our own standard output is for the login link
            cwd=ROOT,
            start_new_session=True,
        )
        self._processes[name] = process
        self._tell(f"{guard.GROUP} {process.pid}")

    def _ended(self, name: str) -> str:
        code = self._processes[name].poll()
        return "" if code is None else f"exit code {code}"

    def ended(self) -> str | None:
        """The name of a part that ended by itself and was not started again yet."""
        return next((one.name for one in self._tended if one.ended()), None)

    def tend(self) -> None:
        """Start again what ended by itself; refuses when something keeps ending."""
        for one in self._tended:
            if not self.stopping:
                one.tend()

    @staticmethod
    def _kill(process: subprocess.Popen[bytes]) -> None:
        """End it with all it started."""
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Ask all parts to end, and make them, with all they started, after ten seconds."""
        self.stopping = True
        for process in self._processes.values():
            if process.poll() is None:
                process.terminate()
        self._hurry()
        deadline = time.monotonic() + _STOP_S
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            self._kill(process)
        self._tell(guard.DONE)
        with suppress(OSError, subprocess.TimeoutExpired):
            self._guard.communicate(timeout=_STOP_S)

    def _hurry(self) -> None:
        """Celery takes six seconds to end even when idle; its work may be cut short anywhere."""
        worker = self._processes.get("worker")
        if worker is not None:
            with suppress(subprocess.TimeoutExpired):
                worker.wait(timeout=_GRACE_S)
            self._kill(worker)

    def _tell(self, line: str) -> None:
        with suppress(OSError, ValueError):
            if self._guard.stdin is not None:
                self._guard.stdin.write(f"{line}\n")
                self._guard.stdin.flush()
