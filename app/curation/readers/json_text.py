"""JSON that is larger than memory: its text as a window that moves over the file."""

import codecs
import io
import json
import re
from collections.abc import Collection
from typing import Any

from app.curation.readers.base import ROW_LIMIT, TOO_LARGE, Warnings
from app.curation.readers.values import (
    DEEPEST,
    NOT_FINITE,
    NOT_UTF8,
    TOO_DEEP,
    WESTERN,
    depth,
    finite,
    integer,
    not_json,
    storable,
)

_CHUNK = 2**18
# An error this near to the end of the window may only mean that the rest is still to come.
_LONGEST_LITERAL = len("-Infinity") + 1
_SPACE = re.compile(r"[ \t\n\r]*")
_NEXT_OBJECT = re.compile(r",\s*(?=\{)")
_TRIES = 100
_FIRST_ITEM = re.compile(r"\[\s*(\S)")


class JsonTextError(ValueError):
    """The text cannot be read from here; the message is a sentence with line and column."""


class JsonText:
    """A window on JSON text. `at` is where reading goes on; what stands before is given up."""

    def __init__(self, stream: io.BufferedReader, warnings: Warnings) -> None:
        self._stream = stream
        self._warnings = warnings
        self._undecoded = b""
        self._text = ""
        self._at = 0
        self._lines = 0
        self._columns = 0
        self._not_finite: list[str] = []
        self._decoder = json.JSONDecoder(
            parse_constant=self._not_finite.append, parse_int=integer, parse_float=finite
        )

    def peek(self) -> str:
        """The next character that is no blank, empty at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read_more():
                return ""

    def take(self, character: str) -> bool:
        """Step over this character if it comes next."""
        found = self.peek() == character
        self._at += found
        return found

    def starts_list_of_objects(self) -> bool:
        """Whether a list comes next whose first item is an object."""
        if self.peek() != "[":
            return False
        while not (found := _FIRST_ITEM.match(self._text, self._at)):
            if not self._read_more():
                return False
        return found[1] == "{"

    def value(self, row: int) -> Any:
        """The value that comes next. `row` is what warnings call it."""
        self.peek()
        value, end = self._scan()
        if self._not_finite:
            self._not_finite.clear()
            self._warnings.add(NOT_FINITE, row)
        if self._text.find("\\u", self._at, end) >= 0:
            value = storable(value, row, self._warnings)
        brackets = self._text.count("{", self._at, end) + self._text.count("[", self._at, end)
        if brackets > DEEPEST and depth(self._text[self._at : end].encode()) > DEEPEST:
            raise JsonTextError(TOO_DEEP)
        self._at = end
        return value

    def place(self, at: int | None = None) -> str:
        """Line and column of what comes next, or of an index of the window."""
        index = self._at if at is None else at
        line = 1 + self._lines + self._text.count("\n", 0, index)
        newline = self._text.rfind("\n", 0, index)
        column = index - newline if newline >= 0 else self._columns + index + 1
        return f"line {line}, column {column}"

    def excerpt(self, size: int) -> str:
        """The text that comes next."""
        return self._text[self._at : self._at + size]

    def resume(self, shape: Collection[str]) -> str | None:
        """Move to the next object that has exactly these keys; say where, None if there is none."""
        for _ in range(_TRIES):
            while not (found := _NEXT_OBJECT.search(self._text, self._at)):
                self._at = max(self._at, len(self._text.rstrip().rstrip(",")))
                if not self._read_more():
                    return None
            self._at = found.end()
            try:
                value, _end = self._scan()
            except JsonTextError:
                continue
            if value.keys() == set(shape):
                return self.place()
        return None

    def _scan(self) -> tuple[Any, int]:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise JsonTextError(TOO_DEEP) from None
            except json.JSONDecodeError as error:
                if not self._may_be_cut(error):
                    place = self.place(error.pos)
                    raise JsonTextError(not_json(error.msg, place)) from None
                if len(self._text) - self._at > ROW_LIMIT:
                    raise JsonTextError(TOO_LARGE) from None
                into = error.pos - self._at
                if not self._read_more():
                    raise JsonTextError(self._at_the_end(error.msg, into)) from None
                continue
            if end < len(self._text) or self._text[end - 1] in '}]"' or not self._read_more():
                return value, end

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        near_end = error.pos >= len(self._text) - _LONGEST_LITERAL
        return near_end or error.msg.startswith("Unterminated")

    def _at_the_end(self, problem: str, into: int) -> str:
        """Why a value is broken behind which nothing comes, so many characters into it."""
        if self._at + into < len(self._text) and not problem.startswith("Unterminated"):
            return not_json(problem, self.place(self._at + into))
        return (
            f"The file ends inside the value that starts at {self.place()}, or a quote there is "
            "never closed. Correct this row."
        )

    def _read_more(self) -> bool:
        """Give up what was read and take in as much again as is left; False at the end."""
        wanted = max(_CHUNK, len(self._text) - self._at)
        fresh: list[str] = []
        raw = b"..."
        while raw and (wanted > 0 or not any(fresh)):
            raw = self._stream.read1(max(wanted, 1))
            fresh.append(self._decode(raw, final=not raw))
            wanted -= len(raw)
        added = "".join(fresh)
        newline = self._text.rfind("\n", 0, self._at)
        self._columns = self._at - newline - 1 if newline >= 0 else self._columns + self._at
        self._lines += self._text.count("\n", 0, self._at)
        self._text = self._text[self._at :] + added
        self._at = 0
        return bool(added)

    def _decode(self, raw: bytes, *, final: bool) -> str:
        held = self._undecoded + raw
        try:
            text, used = codecs.utf_8_decode(held, "strict", final)
        except UnicodeDecodeError:
            self._warnings.add(NOT_UTF8, 1 + self._lines)
            text, used = codecs.utf_8_decode(held, "surrogateescape", final)
            text = text.translate(WESTERN)
        self._undecoded = held[used:]
        return text
