"""A value of the other side, by its number: what is done to it is done there.

Where the other side is not trusted, an object of a class of its own is not asked what it thinks of
an expected value: it would say that it is near, less, among or divisible. Asked for its length or
an attribute it learns nothing of what is expected; asked whether it is less than three it does.
So it is with its methods: one that is given a value, as in `f(x).startswith("a")`, is asked where
the tests are about that class. Of an object that is no such class's (a match, a graph), what a
method answers to a value is believed where it is more than yes or no.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .peer import Peer

_TURNED = ("__len__", "__bool__", "__int__", "__float__", "__abs__", "__neg__")
_ORDER = ("__lt__", "__le__", "__gt__", "__ge__")
_RECKONED = (
    *("__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__truediv__"),
    *("__floordiv__", "__mod__", "__pow__", "__and__", "__or__", "__xor__"),
)
_JUDGED = frozenset((*_TURNED, *_ORDER, *_RECKONED, "__contains__"))
# What is handed on: Python looks these up on the class, never by `__getattr__`.
SPECIAL = (
    *("__call__", "__getitem__", "__setitem__", "__delitem__", "__iter__", "__next__"),
    *("__str__", "__repr__", "__enter__", "__exit__", "__reversed__", *_JUDGED),
)
# A class is not told by these: tests ask for them where they expect a value of Python's.
_OF_VALUES = frozenset(
    name for kind in (str, bytes, tuple, frozenset, float) for name in dir(kind)
) | {"equals"}
OWN = "the program answered with an object of its own, which is no value to test"


class Far:
    """Its number and, where its class is one that the program defines, those of such classes."""

    def __init__(self, peer: Peer, number: int, kinds: frozenset[int] | None = None) -> None:
        self.__dict__["_far"] = (peer, number)
        self.__dict__["_kinds"] = kinds
        # As an attribute of a value that the program answered with: the classes of that.
        self.__dict__["_of"] = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__") and name not in {"__name__", "__doc__"}:
            raise AttributeError(name)
        peer, number = self.__dict__["_far"]
        kinds = self.__dict__["_kinds"] or frozenset()
        if name not in _OF_VALUES:
            peer.objects |= kinds
        found = peer.ask("get", number, name)
        if isinstance(found, Far) and number not in peer.named:
            found.__dict__["_of"] = kinds or self.__dict__["_of"] or frozenset()
        if isinstance(found, Far) and name == "send":
            peer.senders.add(found.__dict__["_far"][1])
        return found

    def __setattr__(self, name: str, new: object) -> None:
        peer, number = self.__dict__["_far"]
        peer.ask("set", number, name, new)

    def __eq__(self, other: object) -> bool:
        """Two values of the program are compared there; none of them equals a plain value.

        Else a program could answer with a value that says of itself that it is the right one.
        """
        peer, number = self.__dict__["_far"]
        return isinstance(other, Far) and bool(peer.ask("do", number, "__eq__", other))

    def __hash__(self) -> int:
        return hash(self.__dict__["_far"][1])

    def __instancecheck__(self, one: object) -> bool:
        peer, number = self.__dict__["_far"]
        return isinstance(one, Far) and peer.ask("is", number, one) is True


def _handing_on(name: str) -> Callable[..., Any]:
    def special(self: Far, *args: object, **named: object) -> Any:
        peer, number = self.__dict__["_far"]

        def done() -> Any:
            return peer.ask("do", number, name, *args, **named)

        if not peer.guarded:
            return done()
        if name == "__exit__":  # a test that fails is not for the program to swallow
            return done() is True and not isinstance(args[1], AssertionError)
        if name == "__call__":
            return _answered(self, (*args, *named.values()), done)
        return _believed(self, name, args, done) if name in _JUDGED else done()

    return special


for _name in SPECIAL:
    setattr(Far, _name, _handing_on(_name))


def _believed(one: Any, name: str, args: tuple[object, ...], done: Callable[[], Any]) -> Any:
    """What comes of it, where that can be believed; else the talk ends, and the tests fail."""
    peer, kinds = one.__dict__["_far"][0], one.__dict__["_kinds"]
    if kinds is None:  # an iterator, a function, a match: what is in it is looked for here
        if name == "__contains__":
            return any(each is args[0] or each == args[0] for each in one)
        return done() if name in _TURNED else peer.give_up(OWN)
    if name != "__bool__" and not kinds & peer.tested:
        peer.give_up(OWN)
    peer.relied |= kinds & peer.tested or kinds
    with_plain = bool(args) and not isinstance(args[0], Far)
    if with_plain and name in _ORDER:
        peer.give_up(OWN)
    found = done()
    if with_plain and name in _RECKONED and not (found is NotImplemented or isinstance(found, Far)):
        peer.give_up(OWN)
    return found


def _answered(one: Any, given: tuple[object, ...], done: Callable[[], Any]) -> Any:
    """What a call answers, where the answer can be believed."""
    peer, number = one.__dict__["_far"]
    kinds = one.__dict__["_of"]
    if kinds is None and number not in peer.named:  # a function that was answered has no class
        kinds = one.__dict__["_kinds"]
    if kinds is None or all(isinstance(each, Far) for each in given):
        return done()
    if kinds:
        if not kinds & peer.tested:
            peer.give_up(OWN)
        peer.relied |= kinds & peer.tested
        return done()
    found = done()
    if found is None or isinstance(found, bool | type | Far) or _is_nothing(found):
        peer.give_up(OWN)
    return found


def _is_nothing(found: Any) -> bool:
    """Whether it is zero or empty; of an array, Python does not know."""
    return not (len(found) if hasattr(found, "__len__") else found)
