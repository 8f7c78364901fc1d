"""The program's side: load it, then answer the tests. It never sees a test or an expected value."""

from __future__ import annotations

import contextlib
import io
import sys
import types

from .peer import Peer
from .wire import BrokenError, Channel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MOST_SAID = 20_000


def serve(source: str, channel: Channel) -> None:
    """Load the program, tell what it defines, answer until the tests are done."""
    peer, said = Peer(channel), _Said()
    peer.said = lambda: _taken(said)
    module = types.ModuleType("program")
    sys.modules["program"] = module
    with contextlib.redirect_stdout(said):
        try:
            exec(compile(source, "<program>", "exec"), module.__dict__)  # noqa: S102 - its purpose
        except BaseException as error:  # noqa: BLE001 - told to the tests
            channel.send({"x": _problem(error)})
            return
        channel.send({"names": _names(peer, module), "p": peer.said()})
        with contextlib.suppress(BrokenError):
            while True:
                peer.answer(channel.receive())


class _Said(io.StringIO):
    """What a program prints, the beginning of it: a loop that prints fills no memory."""

    def write(self, text: str) -> int:
        if self.tell() < _MOST_SAID:
            super().write(text[:_MOST_SAID])
        return len(text)


def _taken(said: io.StringIO) -> str:
    text = said.getvalue()
    said.seek(0)
    said.truncate()
    return text


def _problem(error: BaseException) -> dict[str, Any]:
    text = f"{type(error).__name__}: {error}"
    lines = [number for frame, number in _frames(error) if frame == "<program>"]
    line = error.lineno if isinstance(error, SyntaxError) else (lines[-1] if lines else None)
    return {"text": text[:500], "line": line, "kind": type(error).__name__}


def _frames(error: BaseException) -> list[tuple[str, int]]:
    found, trace = [], error.__traceback__
    while trace is not None:
        found.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return found


def _names(peer: Peer, module: types.ModuleType) -> list[list[Any]]:
    """What the program defines: (name, what it is, its value or the number of it)."""
    found: list[list[Any]] = []
    for name, one in list(vars(module).items()):
        if name.startswith("__"):
            continue
        if isinstance(one, types.ModuleType):
            found.append([name, "module", one.__name__])
        elif isinstance(one, type) and issubclass(one, BaseException):
            found.append([name, "error", [kind.__name__ for kind in one.__mro__]])
        else:
            found.append([name, "value", peer.sent(one)])
    return found
