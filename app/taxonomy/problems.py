"""What is wrong with the files of a taxonomy: which file, which line, what to do."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """A sentence on a file; `fatal` where the leaf, or the file, was left out because of it."""

    file: str
    line: int | None
    message: str
    fatal: bool = True


class Problems:
    """Those of one file as they are found."""

    def __init__(self, file: str) -> None:
        self.found: list[Problem] = []
        self._file = file

    def add(self, message: str, line: int | None = None) -> None:
        """The file is of no use."""
        self.found.append(Problem(self._file, line, message))

    def note(self, message: str, line: int | None = None) -> None:
        """Something in it is left out, the rest lands."""
        self.found.append(Problem(self._file, line, message, fatal=False))


def decoded(raw: bytes, problems: Problems) -> str | None:
    """The text of a file in UTF-8; None, and told, where it is not."""
    if raw[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        problems.add("It is in UTF-16. Save it as UTF-8.", 1)
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.add(f"It is not in UTF-8: byte {error.start:,}. Save it as UTF-8.", line)
        return None
