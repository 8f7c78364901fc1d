"""The first thing that runs in a sandbox: give up what is left of rights, then do what is asked.

What to do is JSON in an open file, whose number is the argument. Nothing of the sample is read
before the limits hold.
"""

from __future__ import annotations

import builtins
import json
import os
import resource
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def main() -> None:
    with os.fdopen(int(sys.argv[1]), encoding="utf-8") as file:
        order = json.load(file)
    # What is imported later is read as the other user, who may read less.
    does = run if order["role"] == "run" else _with_tests()
    give_up(order)
    sys.path[:] = [*(one for one in sys.path if one != order["home"]), *order["libraries"]]
    sys.argv[:] = [""]
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]
    does(order)


def run(order: dict[str, Any]) -> None:
    """The program by itself."""
    code = compile(order["source"], "<program>", "exec")
    exec(code, {"__name__": "__main__", "__builtins__": builtins})  # noqa: S102 - its purpose


def _with_tests() -> Callable[[dict[str, Any]], None]:
    from . import program, tests  # noqa: PLC0415 - what needs no tests starts sooner without
    from .wire import Channel  # noqa: PLC0415

    def do(order: dict[str, Any]) -> None:
        channel = Channel(order["reads"], order["writes"])
        if order["role"] == "program":
            program.serve(order["source"], channel)
            return
        report = tests.run(order["tests"], order["helpers"], order["entry_point"], channel)
        with os.fdopen(order["report"], "w", encoding="utf-8") as file:
            json.dump(report, file)

    return do


def give_up(order: dict[str, Any]) -> None:
    """Become another user, with limits that can't be raised again."""
    if order["user"]:
        os.setgroups([])
        os.setresgid(order["user"], order["user"], order["user"])
        os.setresuid(order["user"], order["user"], order["user"])
    for name, limit in order["limits"].items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    os.umask(0o077)
    os.chdir(order["folder"])
