"""Values as lines of JSON between the program and its tests: plain data alone ever crosses.

Nothing that is received runs or is looked up: no pickle, no names of classes. A value that is no
plain data stays where it is, and the other side holds its number (`Far`).
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections import OrderedDict, deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MOST = 64 << 20  # bytes of one message
# Modules of Python whose functions tests may take from a program's imports: their own, not the
# program's. None of them has an object that equals everything.
LIBRARY = frozenset(
    (
        *("math", "cmath", "collections", "itertools", "functools", "operator", "string", "re"),
        *("copy", "datetime", "decimal", "fractions", "statistics", "heapq", "bisect", "random"),
    )
)
NO_MESSAGE = "the program wrote into the channel of its answers"
_EXACT = 1 << 53  # whole numbers beyond are sent as text, of any length
_DEEP = 200


class BrokenError(BaseException):
    """The other side ended, or sent what is no message. No test catches it."""


class Channel:
    """Messages over two pipes."""

    def __init__(self, reads: int, writes: int) -> None:
        self._reads, self._writes = reads, writes
        self._held = b""

    def send(self, message: object) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if len(line) > MOST:
            raise ValueError("The value is too long to hand over.")
        view = memoryview(line)
        try:
            while view:
                view = view[os.write(self._writes, view) :]
        except OSError as error:
            raise BrokenError("the program ended") from error

    def receive(self) -> dict[str, Any]:
        parts = [self._held]
        size = len(self._held)
        while b"\n" not in parts[-1]:
            part = os.read(self._reads, 1 << 16)
            size += len(part)
            if not part:
                raise BrokenError("the program ended")
            if size > MOST:
                raise BrokenError("the program answered with too long a value")
            parts.append(part)
        line, _, self._held = b"".join(parts).partition(b"\n")
        try:
            message = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise BrokenError(NO_MESSAGE) from error
        if not isinstance(message, dict):
            raise BrokenError(NO_MESSAGE)
        return message


# Made from and shown as text; their modules take longer to import than most tests to run, so they
# are looked at only where something imported them.
_BY_TEXT = (("decimal", "Decimal"), ("fractions", "Fraction"))
_TIMES = ("datetime", "date", "time")  # a datetime is a date
_BUILTIN_TYPES: dict[str, type] = {
    one.__name__: one
    for one in (int, float, str, bool, list, tuple, dict, set, bytes, complex, object, type(None))
}


_VIEWS: tuple[tuple[Any, Callable[[list[Any]], Any]], ...] = (
    (type({}.keys()), lambda many: dict.fromkeys(many).keys()),
    (type({}.values()), lambda many: dict(enumerate(many)).values()),
    (type({}.items()), lambda many: dict(many).items()),
)
_ARRAYS = "biufcSUmM"  # kinds of numpy's types whose bytes are all there is to them


def plain(value: object, hold: Callable[[object], Any], depth: int = 0) -> Any:
    """A value as JSON; `hold` gives what stands for one that is no plain data.

    Of a class derived from a plain one the value below counts, not what its methods make of it.
    """
    if depth > _DEEP:
        return hold(value)
    if value is None or value is True or value is False or type(value) in {str, float}:
        return value
    if isinstance(value, int):
        number = int.__int__(value)
        return number if -_EXACT < number < _EXACT else {"i": hex(number)}
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float.__float__(value)
    return _gathered(value, hold, depth + 1)


def _gathered(value: Any, hold: Callable[[object], Any], depth: int) -> Any:
    if isinstance(value, list):
        return [plain(one, hold, depth) for one in list.__iter__(value)]
    if isinstance(value, dict):
        items = (OrderedDict if isinstance(value, OrderedDict) else dict).items(value)
        return {"d": [[plain(a, hold, depth), plain(b, hold, depth)] for a, b in items]}
    kinds: tuple[tuple[str, Any], ...] = (("t", tuple), ("s", set), ("z", frozenset))
    for tag, kind in kinds:
        if isinstance(value, kind):
            return {tag: [plain(one, hold, depth) for one in kind.__iter__(value)]}
    if isinstance(value, deque):
        return {"q": [plain(one, hold, depth) for one in deque.__iter__(value)], "m": value.maxlen}
    for number, (view, _) in enumerate(_VIEWS):
        if type(value) is view:
            return {"V": [plain(one, hold, depth) for one in value], "m": number}
    return _atom(value, hold)


_TAGS: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
    (bytes, "b", bytes.hex),
    (bytearray, "B", bytearray.hex),
    (complex, "c", lambda one: [complex.real.__get__(one), complex.imag.__get__(one)]),
    (range, "r", lambda one: [one.start, one.stop, one.step]),
    (type(NotImplemented), "N", lambda _: 0),
)


def _atom(value: object, hold: Callable[[object], Any]) -> Any:
    for kind, tag, written in _TAGS:
        if isinstance(value, kind):
            return {tag: written(value)}
    if (found := _number_or_time(value)) is not None:
        return found
    if isinstance(value, type) and _BUILTIN_TYPES.get(value.__name__) is value:
        return {"y": value.__name__}
    if type(value).__module__ == "numpy" and getattr(value, "ndim", 1) == 0:
        return plain(value.item(), hold, _DEEP)  # type: ignore[attr-defined]
    if isinstance(value, arrays()) and value.dtype.kind in _ARRAYS:  # type: ignore[attr-defined]
        return _array(value)
    return hold(value)


def arrays() -> tuple[type, ...]:
    """The class of numpy's arrays, where something imported it."""
    found = getattr(sys.modules.get("numpy"), "ndarray", None)
    return (found,) if isinstance(found, type) else ()


def _array(array: Any) -> Any:
    return {"A": array.dtype.str, "s": list(array.shape), "v": array.tobytes().hex()}


def _array_of(sent: dict[str, Any]) -> Any:
    numpy = importlib.import_module("numpy")
    kind = numpy.dtype(sent["A"])
    if kind.kind not in _ARRAYS:
        raise ValueError(NO_MESSAGE)
    return numpy.ndarray(tuple(sent["s"]), kind, bytearray.fromhex(sent["v"]))


def _number_or_time(value: object) -> Any:
    for module, name in _BY_TEXT:
        if isinstance(value, getattr(sys.modules.get(module), name, ())):
            return {"D": [module, name], "v": getattr(sys.modules[module], name).__str__(value)}
    times = sys.modules.get("datetime")
    if times is None:
        return None
    if isinstance(value, times.timedelta):
        return {"E": [value.days, value.seconds, value.microseconds]}
    kinds = (one for one in _TIMES if isinstance(value, getattr(times, one)))
    kind = next(kinds, None)
    return None if kind is None else {"T": kind, "v": getattr(times, kind).isoformat(value)}


def _by_text(sent: dict[str, Any]) -> Any:
    module, name = next(one for one in _BY_TEXT if list(one) == sent["D"])
    return getattr(importlib.import_module(module), name)(sent["v"])


def _time(sent: dict[str, Any]) -> Any:
    import datetime as dt  # noqa: PLC0415 - see _BY_TEXT

    if "E" in sent:
        return dt.timedelta(*sent["E"])
    return getattr(dt, _TIMES[_TIMES.index(sent["T"])]).fromisoformat(sent["v"])


def value(sent: Any, far: Callable[[dict[str, Any]], Any]) -> Any:
    """The value that was sent; `far` gives what stands for one that stayed on the other side."""
    try:
        return _value(sent, far)
    except RecursionError as error:
        raise BrokenError("the program sent a value that is nested too deep") from error
    except Exception as error:  # what a hostile message can raise has no end
        raise BrokenError("the program sent a value that is none") from error


_READERS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "t": lambda many, _: tuple(many),
    "s": lambda many, _: set(many),
    "z": lambda many, _: frozenset(many),
    "q": lambda many, sent: deque(many, sent["m"]),
    "V": lambda many, sent: _VIEWS[sent["m"]][1](many),
}
_ATOMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "i": lambda sent: int(sent["i"], 16),
    "b": lambda sent: bytes.fromhex(sent["b"]),
    "B": lambda sent: bytearray.fromhex(sent["B"]),
    "c": lambda sent: complex(*sent["c"]),
    "r": lambda sent: range(*sent["r"]),
    "A": _array_of,
    "D": _by_text,
    "T": _time,
    "E": _time,
    "N": lambda _: NotImplemented,
    "y": lambda sent: _BUILTIN_TYPES[sent["y"]],
}


def _value(sent: Any, far: Callable[[dict[str, Any]], Any]) -> Any:
    if isinstance(sent, list):
        return [_value(one, far) for one in sent]
    if not isinstance(sent, dict):
        return sent
    tag = next(iter(sent))
    if tag == "d":
        return {_value(a, far): _value(b, far) for a, b in sent["d"]}
    if tag in _READERS:
        return _READERS[tag]([_value(one, far) for one in sent[tag]], sent)
    return _ATOMS[tag](sent) if tag in _ATOMS else far(sent)
