"""JSON in one piece: an array of objects, or an object that holds one."""

import io
from collections.abc import Iterator
from typing import Any, ClassVar

from app.curation.readers.base import EXCERPT, Reader, Row, Warnings, after
from app.curation.readers.json_text import JsonText, JsonTextError, told
from app.curation.readers.values import not_an_object
from app.curation.records import Rejected

# Lists of objects that are part of one row, not rows themselves.
PARTS_OF_A_ROW = frozenset(
    {
        "chosen",
        "conversation",
        "conversations",
        "history",
        "instances",
        "messages",
        "prompt",
        "rejected",
        "tools",
        "turns",
    }
)


class JsonArray(Reader):
    """A JSON array of objects, or one object in which a list holds them.

    Rows are read one by one. After a syntax error, reading goes on at the next object that has
    the fields of the first one.
    """

    key: ClassVar = "json"
    title: ClassVar = "JSON"
    suffixes: ClassVar = (".json",)

    def rows(
        self, stream: io.BufferedReader, warnings: Warnings, skip: int
    ) -> Iterator[Row | Rejected]:
        return after(_Walk(JsonText(stream, warnings)).rows(), skip)


class _Walk:
    def __init__(self, text: JsonText) -> None:
        self.text = text
        self.row = 0
        self.shape: tuple[str, ...] = ()
        self.lost = False

    def rows(self) -> Iterator[Row | Rejected]:
        """All values at the top: usually one array."""
        while not self.lost and (opening := self.text.peek()):
            try:
                if opening == "[":
                    yield from self.array()
                elif opening == "{":
                    yield from self.object()
                else:
                    raise self.unexpected("an array or an object was expected")
            except JsonTextError as error:
                yield self.resume(error)
                yield from self.elements()

    def array(self) -> Iterator[Row | Rejected]:
        self.text.take("[")
        if not self.text.take("]"):
            yield from self.elements()

    def elements(self) -> Iterator[Row | Rejected]:
        """Values up to the end of the array."""
        closed = False
        while not (closed or self.lost):
            try:
                yield self.element()
                closed = self.end_of_element()
            except JsonTextError as error:
                yield self.resume(error)

    def end_of_element(self) -> bool:
        """Step over what parts two elements; True at the end of the array."""
        if self.text.take("]"):
            return True
        if not self.text.take(","):
            raise self.unexpected("a comma or the end of the array was expected")
        if self.text.peek() == "]":
            raise self.unexpected("a value was expected after the comma")
        return False

    def element(self) -> Row | Rejected:
        self.text.peek()
        at = self.text.position()
        value = self.text.value(self.row + 1)
        self.row += 1
        if not isinstance(value, dict):
            return Rejected(self.row, not_an_object(value), str(value)[:EXCERPT], at)
        self.shape = self.shape or tuple(value)
        return Row(self.row, value, at)

    def object(self) -> Iterator[Row | Rejected]:
        """The rows of the lists in it; without any, the object itself is a row."""
        at = self.text.position()
        self.text.take("{")
        values: dict[str, Any] = {}
        before, first = self.row, True
        while not self.text.take("}"):
            if not (first or self.text.take(",")):
                raise self.unexpected("a comma or the end of the object was expected")
            first = False
            name = self.name()
            if name not in PARTS_OF_A_ROW and self.text.starts_list_of_objects():
                yield from self.array()
            else:
                values[name] = self.text.value(self.row + 1)
        if self.row == before:
            self.row += 1
            self.shape = self.shape or tuple(values)
            yield Row(self.row, values, at)

    def name(self) -> str:
        if self.text.peek() != '"':
            raise self.unexpected("a field name in quotes was expected")
        name: str = self.text.value(self.row + 1)
        if not self.text.take(":"):
            raise self.unexpected("a colon was expected")
        return name

    def unexpected(self, problem: str) -> JsonTextError:
        found = self.text.peek() and self.text.excerpt(1)
        what = f"not {found}" if found else "the file ends"
        at = self.text.position()
        return JsonTextError(f"Not valid JSON at {told(at)}: {problem}, {what}.", at)

    def resume(self, error: JsonTextError) -> Rejected:
        """Reject what cannot be read and go on behind it, if there is a place."""
        raw = self.text.excerpt(EXCERPT)
        place = self.text.resume(self.shape)
        if place is None:
            return self.give_up(error, raw)
        self.row += 1
        return Rejected(self.row, f"{error} Reading goes on at {place}.", raw, error.at)

    def give_up(self, error: JsonTextError, raw: str | None = None) -> Rejected:
        self.lost = True
        self.row += 1
        excerpt = self.text.excerpt(EXCERPT) if raw is None else raw
        return Rejected(self.row, f"{error} Nothing after it was read.", excerpt, error.at)
