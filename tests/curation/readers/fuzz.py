"""Fuzzes the readers of JSON Lines, JSON and CSV with bytes that reach ever more of their code.

Not a test: atheris (https://github.com/google/atheris) runs it until the time is over or a fault
is found. Install it beside the project, in an environment of its own:

    python -m venv /tmp/fuzz && /tmp/fuzz/bin/pip install atheris
    PYTHONPATH=.:.venv/lib/python3.11/site-packages \\
        /tmp/fuzz/bin/python -m tests.curation.readers.fuzz -max_total_time=900 CORPUS_FOLDER

The first byte chooses the reader and how the text is cut. Whatever comes, a reader must end, give
nothing but rows and rejected rows that a database can store, and resume with what is left.
"""

import importlib
import io
import sys

from app.curation.readers import json_text
from app.curation.readers.base import Reader, Row, Warnings
from app.curation.readers.delimited import Delimited
from app.curation.readers.json_array import JsonArray
from app.curation.readers.jsonl import JsonLines
from app.curation.readers.layouts import propose
from app.curation.readers.mapping import mapper
from app.curation.readers.streams import Limits
from app.curation.records import Record, Rejected

READERS: tuple[Reader, ...] = (JsonLines(), JsonArray(), Delimited())
WINDOWS = (1, 7, 2**18)
LIMITS = Limits(unpacked_bytes=2**22)


def read_anything(data: bytes) -> None:
    """Read the bytes behind the first, map what was read, and resume in the middle."""
    choice, content = (data[0] if data else 0), data[1:]
    reader = READERS[choice % len(READERS)]
    json_text._CHUNK = WINDOWS[choice // len(READERS) % len(WINDOWS)]  # noqa: SLF001
    items = _read(reader, content, 0)
    for item in items:
        _check(item)
    _map([item for item in items if isinstance(item, Row)])
    half = len(items) // 2
    if half and _read(reader, content, half) != items[half:]:
        raise AssertionError("Reading resumed with other rows.")


def _read(reader: Reader, content: bytes, skip: int) -> list[Row | Rejected]:
    return list(reader.read(io.BytesIO(content), skip=skip, limits=LIMITS))


def _map(rows: list[Row]) -> None:
    mapping = propose(rows).mapping
    if mapping is not None:
        read = mapper(mapping, warnings=Warnings())
        for row in rows:
            made = read(row)
            if isinstance(made, Rejected):
                _check(made)
            else:
                _check_record(made)


def _check(item: Row | Rejected) -> None:
    if item.line < 1:
        raise AssertionError("Lines are counted from 1.")
    if isinstance(item, Rejected):
        _storable(item.reason)
        _storable(item.raw)
        if not item.reason.endswith("."):
            raise AssertionError("A reason is a sentence.")
    else:
        _storable(item.values)


def _check_record(record: Record) -> None:
    for part in (record.body, record.metadata, record.external_id, record.domain, record.tags):
        _storable(part)


def _storable(value: object) -> None:
    match value:
        case str():
            value.encode()
            if "\0" in value:
                raise AssertionError("Postgres refuses NUL.")
        case dict():
            for key, item in value.items():
                _storable(key)
                _storable(item)
        case list() | tuple():
            for item in value:
                _storable(item)


def main() -> None:
    """Run until the time given on the command line is over."""
    import atheris  # noqa: PLC0415 - not a dependency of the project

    for name in [name for name in sys.modules if name.startswith("app.curation")]:
        del sys.modules[name]
    with atheris.instrument_imports(include=["app.curation", "json"]):
        target = importlib.import_module("tests.curation.readers.fuzz")
    atheris.Setup(sys.argv, target.read_anything)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
