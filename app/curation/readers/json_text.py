"""JSON that is larger than memory: its text as a window that moves over the file."""

import codecs
import io
import json
import re
from collections.abc import Collection
from typing import Any

from app.curation.readers.base import ROW_LIMIT, TOO_LARGE, Warnings
from app.curation.readers.streams import BrokenStreamError
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
    replaced,
    storable,
)

_CHUNK = 2**18
# An error this near to the end of the window may only mean that the rest is still to come.
_LONGEST_LITERAL = len("-Infinity") + 1
_SPACE = re.compile(r"[ \t\n\r]*")
_NEXT_OBJECT = re.compile(r"[,\n]\s*(?=\{)")
_TRIES = 100
# Bytes that a character takes at most.
_WIDEST = 4
_FIRST_ITEM = re.compile(r"\[\s*(\S)")


def told(position: tuple[int, int]) -> str:
    """Line and column in words."""
    return "line {:,}, column {:,}".format(*position)


class JsonTextError(ValueError):
    """The text cannot be read from here: a sentence, and the line and column that it tells."""

    def __init__(self, sentence: str, at: tuple[int, int]) -> None:
        super().__init__(sentence)
        self.at = at


class JsonText:
    """A window on JSON text. `at` is where reading goes on; what stands before is given up."""

    def __init__(self, stream: io.BufferedReader, warnings: Warnings) -> None:
        self._stream = stream
        self._warnings = warnings
        self._undecoded = b""
        self._text = ""
        self._at = 0
        self._marked = self._lines = self._columns = 0
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
            raise JsonTextError(TOO_DEEP, self.position())
        self._at = end
        return value

    def position(self, ahead: int = 0) -> tuple[int, int]:
        """Line and column of what comes next, or stands so many characters ahead."""
        lines, columns = self._counted(self._at)
        self._marked, self._lines, self._columns = self._at, lines, columns
        if ahead:
            lines, columns = self._counted(self._at + ahead)
        return 1 + lines, 1 + columns

    def _counted(self, index: int) -> tuple[int, int]:
        """Line breaks before this index of the window, and characters behind the last of them."""
        lines = self._lines + self._text.count("\n", self._marked, index)
        newline = self._text.rfind("\n", self._marked, index)
        if newline >= 0:
            return lines, index - newline - 1
        return lines, self._columns + index - self._marked

    def excerpt(self, size: int) -> str:
        """The text that comes next."""
        return str(replaced(self._text[self._at : self._at + size]))

    def resume(self, shape: Collection[str]) -> str | None:
        """Move to the next object that has exactly these keys; say where, None if there is none.

        Where no keys are known, it is one that begins a line and is indented no deeper.
        """
        _, column = self.position()
        pattern = _NEXT_OBJECT if shape else re.compile(rf"\n[ \t]{{0,{column - 1}}}(?=\{{)")
        for _ in range(_TRIES):
            while not (found := pattern.search(self._text, self._at)):
                self._at = max(self._at, len(self._text.rstrip().rstrip(",")))
                if not self._read_more():
                    return None
            self._at = found.end()
            try:
                value, _end = self._scan()
            except JsonTextError:
                continue
            if value and (not shape or value.keys() == set(shape)):
                return told(self.position())
        return None

    def _scan(self) -> tuple[Any, int]:
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                raise JsonTextError(TOO_DEEP, self.position()) from None
            except json.JSONDecodeError as error:
                into = error.pos - self._at
                if not self._may_be_cut(error):
                    raise self._not_json(error.msg, into) from None
                if self._over_the_limit():
                    raise JsonTextError(TOO_LARGE, self.position()) from None
                if not self._read_more():
                    raise self._at_the_end(error.msg, into) from None
                continue
            if end < len(self._text) or self._text[end - 1] in '}]"' or not self._read_more():
                return value, end

    def _over_the_limit(self) -> bool:
        size = len(self._text) - self._at
        if size <= ROW_LIMIT // _WIDEST:
            return False
        return len(self._text[self._at :].encode(errors="surrogatepass")) > ROW_LIMIT

    def _may_be_cut(self, error: json.JSONDecodeError) -> bool:
        near_end = error.pos >= len(self._text) - _LONGEST_LITERAL
        return near_end or error.msg.startswith("Unterminated")

    def _not_json(self, problem: str, into: int) -> JsonTextError:
        at = self.position(into)
        return JsonTextError(not_json(problem, told(at)), at)

    def _at_the_end(self, problem: str, into: int) -> JsonTextError:
        """Why a value is broken behind which nothing comes, so many characters into it."""
        if self._at + into < len(self._text) and not problem.startswith("Unterminated"):
            return self._not_json(problem, into)
        at = self.position()
        return JsonTextError(
            f"The file ends inside the value that starts at {told(at)}, or a quote there is "
            "never closed. Correct this row.",
            at,
        )

    def _read_more(self) -> bool:
        """Give up what was read and take in as much again as is left; False at the end."""
        wanted = max(_CHUNK, min(len(self._text) - self._at, ROW_LIMIT // _WIDEST))
        fresh: list[str] = []
        raw = b"..."
        while raw and (wanted > 0 or not any(fresh)):
            try:
                raw = self._stream.read1(max(wanted, 1))
            except BrokenStreamError:
                if any(fresh):  # the next time it raises again
                    break
                raise
            fresh.append(self._decode(raw, final=not raw))
            wanted -= len(raw)
        added = "".join(fresh)
        self.position()
        self._text = self._text[self._at :] + added
        self._at = self._marked = 0
        return bool(added)

    def _decode(self, raw: bytes, *, final: bool) -> str:
        held = self._undecoded + raw
        try:
            text, used = codecs.utf_8_decode(held, "strict", final)
        except UnicodeDecodeError:
            text, used = self._decode_leniently(held, final=final)
        self._undecoded = held[used:]
        return text

    def _decode_leniently(self, held: bytes, *, final: bool) -> tuple[str, int]:
        line = 1 + self._lines
        try:
            text, used = codecs.utf_8_decode(held, "surrogatepass", final)
        except UnicodeDecodeError:
            self._warnings.add(NOT_UTF8, line)
            text, used = codecs.utf_8_decode(held, "surrogateescape", final)
            text = text.translate(WESTERN)
        return storable(text, line, self._warnings), used
