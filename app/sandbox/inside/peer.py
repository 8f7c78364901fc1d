"""One end of the talk between a program and its tests: asking, answering, what stays here."""

from __future__ import annotations

import builtins
import operator
import sys
import types

from .far import SPECIAL, Far
from .wire import NO_MESSAGE, BrokenError, Channel, arrays, plain, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

_MUTABLE = (list, dict, set, bytearray)
_MADE_AT_RUN_TIME = 1 << 9  # Py_TPFLAGS_HEAPTYPE
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)
_ENDS = (StopIteration, StopAsyncIteration, GeneratorExit)
_BY_BUILTIN: dict[str, Callable[[Any], Any]] = {
    "__len__": len,
    "__iter__": iter,
    "__next__": next,
    "__str__": str,
    "__repr__": repr,
    "__bool__": bool,
    "__int__": int,
    "__float__": float,
    "__reversed__": reversed,
}


class Peer:
    """Asks the other side and answers it, one question within another where functions are handed
    over. `here` are the values that the other side knows by number; `guarded` is the side that
    does not trust the other.
    """

    def __init__(self, channel: Channel, *, guarded: bool = False) -> None:
        self._channel = channel
        self.guarded = guarded
        self.here: dict[int, object] = {}
        self._numbers: dict[int, int] = {}
        self.calls = 0
        self.broken = ""
        self.errors: dict[str, type[Exception]] = {}
        self.heard: Callable[[str], object] = lambda _text: None
        self.said: Callable[[], str] = str
        self.depth = 0
        self.senders: set[object] = set()  # numbers of methods that go on with a generator
        self.named: set[int] = set()  # numbers of what the other side defines by name
        # Numbers of classes of the other side: those that tests are about, those whose objects they
        # ask for attributes, and those whose word on their truth, order or members they take.
        self.tested: set[int] = set()
        self.objects: set[int] = set()
        self.relied: set[int] = set()

    def hold(self, one: object) -> Any:
        """What stands for a value that stays here."""
        if isinstance(one, Far):
            return {"o": one.__dict__["_far"][1]}
        number = self._numbers.setdefault(id(one), len(self.here) + 1)
        self.here[number] = one
        if _is_own(type(one)):
            kinds = [self.hold(kind)["h"] for kind in type(one).__mro__ if _is_own(kind)]
            return {"h": number, "k": kinds}
        return {"h": number}

    def _far(self, sent: dict[str, Any]) -> Any:
        if "o" in sent:
            return self.here[sent["o"]]
        kinds = frozenset(map(int, sent["k"])) if "k" in sent else None
        return Far(self, int(sent["h"]), kinds)

    def give_up(self, why: str) -> NoReturn:
        """End the talk: no verdict that can pass."""
        self.broken = self.broken or why
        raise BrokenError(self.broken)

    def sent(self, one: object) -> Any:
        return plain(one, self.hold)

    def got(self, one: Any) -> Any:
        return value(one, self._far)

    def ask(self, verb: str, *args: object, **named: object) -> Any:
        """What the other side answers; its exception is raised here.

        Lists, dictionaries and sets among the arguments become what they are there afterwards.
        """
        if self.broken:
            raise BrokenError(self.broken)
        self.calls += verb == "do"
        try:
            self._channel.send({"v": verb, "a": self.sent(list(args)), "k": self.sent(named)})
            while "v" in (answer := self._channel.receive()):
                self.answer(answer)
        except BrokenError as error:
            self.broken = str(error)
            raise
        self.heard(str(answer.get("p", "")))
        try:
            for place, now in answer.get("m", ()):
                _become(args[place], self.got(now))
            raised = self._error(answer["x"]) if "x" in answer else None
        except (TypeError, ValueError, LookupError, AttributeError):
            self.broken = NO_MESSAGE
            raise BrokenError(self.broken) from None
        if raised is not None:
            ends = args[1:2] == ("__next__",) or args[0] in self.senders
            raise _no_end(raised, ends=ends) if self.guarded else raised
        return self.got(answer.get("r"))

    def _error(self, sent: dict[str, Any]) -> BaseException:
        """The exception as this side knows it: by the first of its names that is known."""
        args = self.got(sent["args"])
        for name in sent["names"]:
            known = self.errors.get(name, getattr(builtins, str(name), None))
            if isinstance(known, type) and issubclass(known, BaseException):
                try:
                    return known(*args)
                except TypeError:
                    return known(str(sent.get("text", "")))
        return RuntimeError(str(sent.get("text", "")))

    def answer(self, question: dict[str, Any]) -> None:
        """Do what the other side asks, and send what came of it."""
        args, named = self.got(question["a"]), self.got(question["k"])
        before = [
            self.sent(one) if isinstance(one, (*_MUTABLE, *arrays())) else None for one in args
        ]
        reply: dict[str, Any] = {}
        self.depth += 1
        try:
            reply["r"] = self.sent(self._done(question["v"], args, named))
        except BrokenError:
            raise
        except BaseException as error:  # noqa: BLE001 - handed to the other side
            reply["x"] = self._told(error)
        self.depth -= 1
        changed = []
        for place, was in enumerate(before):
            if was is not None and (now := self.sent(args[place])) != was:
                changed.append((place, now))
        self._channel.send({**reply, "m": changed, "p": self.said()})

    def _told(self, error: BaseException) -> dict[str, Any]:
        names = [kind.__name__ for kind in type(error).__mro__]
        try:
            text, args = str(error), self.sent(list(error.args))
        except Exception:  # noqa: BLE001 - a program's own exception may do anything
            text, args = "", []
        return {"names": names, "args": args, "text": text}

    def _done(self, verb: str, args: list[Any], named: dict[str, Any]) -> Any:
        one = self.here[args[0]]
        if self.guarded and not _harmless(one, verb, str(args[1])):
            raise BrokenError("the program reached for what is not its own")
        if verb == "get":
            return getattr(one, args[1])
        if verb == "set":
            return setattr(one, args[1], args[2])
        if verb == "is":
            return isinstance(args[1], one)  # type: ignore[arg-type]
        if args[1] == "__call__":
            return one(*args[2:], **named)  # type: ignore[operator]
        if args[1] in _BY_BUILTIN:
            return _BY_BUILTIN[args[1]](one)
        does = getattr(operator, args[1], None) or getattr(type(one), args[1])
        return does(one, *args[2:]) if hasattr(operator, args[1]) else does(one, *args[2:], **named)


def _no_end(raised: BaseException, *, ends: bool) -> BaseException:
    """What is raised for an error: an iteration of the tests ends where an iterator says so alone.

    Else `all(map(f, many))` holds for an `f` that raises StopIteration, as nothing is looked at.
    """
    if not isinstance(raised, _ENDS) or (ends and isinstance(raised, StopIteration)):
        return raised
    return RuntimeError(f"the program raised {type(raised).__name__}")


def _is_own(kind: type) -> bool:
    """Whether a class is no part of Python or of a library: it is not where it says it is."""
    if not kind.__flags__ & _MADE_AT_RUN_TIME:
        return False
    module = sys.modules.get(kind.__module__)
    return kind.__module__ == "program" or vars(module or sys).get(kind.__name__) is not kind


def _harmless(one: object, verb: str, name: str) -> bool:
    """Whether the program may do this to a value of the tests.

    From a function or a generator a few attributes lead to everything, `exec` included: functions
    are called and no more, attributes are for objects whose class the tests define.
    """
    if verb == "do" and (name == "__eq__" or name in SPECIAL):
        return not isinstance(one, types.ModuleType) and (
            name == "__call__" or not isinstance(one, _FUNCTIONS)
        )
    return type(one).__module__ == "tests" and verb in {"get", "set"} and name[:1] != "_"


def _become(mine: Any, now: Any) -> None:
    """Change a list, dictionary, set, bytearray or array to what it became on the other side."""
    if type(mine) is not type(now):
        return
    if isinstance(mine, list | bytearray):
        mine[:] = now
    elif isinstance(mine, dict | set):
        mine.clear()
        mine.update(now)
    elif mine.dtype == now.dtype and mine.shape == now.shape:
        mine[...] = now
