import gzip
import io
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from app.curation.readers.base import Reader, Warnings
from app.curation.readers.delimited import Delimited
from app.curation.readers.json_array import JsonArray
from app.curation.readers.jsonl import JsonLines
from app.curation.readers.sniff import open_rows
from app.curation.readers.streams import Limits
from app.curation.readers.values import NOT_FINITE, REPLACED
from tests.curation.readers.reading import read, reasons, values

LINES = b"".join(b'{"a":%d}\n' % number for number in range(5_000))
zstd = zstandard.ZstdCompressor(write_checksum=True).compress
PACKERS = [gzip.compress, zstd]
NAMED = [(gzip.compress, "gzip"), (zstd, "zstd")]


@pytest.mark.parametrize("pack", PACKERS)
def test_packed_files_are_known_by_content(pack: Callable[[bytes], bytes]) -> None:
    assert values(read(JsonLines(), pack(LINES))) == values(read(JsonLines(), LINES))


@pytest.mark.parametrize("pack", PACKERS)
@pytest.mark.parametrize("padding", [0, 1, 3, 1_020, 5_000])
def test_members_laid_end_to_end_are_one_file(pack: Callable[[bytes], bytes], padding: int) -> None:
    content = pack(LINES) + pack(b'{"b":1}\n') * 300 + bytes(padding)

    assert len(values(read(JsonLines(), content))) == 5_300


@pytest.mark.parametrize(("pack", "name"), NAMED)
def test_a_truncated_file_gives_its_good_rows(pack: Callable[[bytes], bytes], name: str) -> None:
    items = read(JsonLines(), pack(LINES + bytes(range(256)) * 2_000)[:-3_000])

    assert reasons(items)[-1][1] == (
        f"The {name} file ends too early; what stands before was read. Copy it again."
    )
    assert len(values(items)) > 0 or name == "zstd"


@pytest.mark.parametrize(("pack", "name"), NAMED)
def test_a_damaged_file_says_so(pack: Callable[[bytes], bytes], name: str) -> None:
    whole = pack(LINES)
    content = whole[:200] + b"\xff" * 200 + whole[400:]

    assert reasons(read(JsonLines(), content))[-1][1].startswith(f"The {name} file is damaged")


def test_something_behind_the_end_is_not_passed_over() -> None:
    items = read(JsonLines(), gzip.compress(LINES) + b'{"lost": 1}')

    assert len(values(items)) == 5_000
    assert reasons(items) == [
        (
            5_001,
            "Something else follows the end of the gzip file; what stands before was read.",
        )
    ]


def test_a_bomb_is_not_unpacked() -> None:
    content = gzip.compress(b'{"a":"' + b"x" * 10**6 + b'"}\n')

    (by_size,) = reasons(read(JsonLines(), content, limits=Limits(unpacked_bytes=100_000)))
    (by_ratio,) = reasons(read(JsonLines(), content, limits=Limits(ratio_from=100_000)))

    assert by_size == (1, "The file unpacks to more than 100,000 bytes; cut it in parts.")
    assert by_ratio == (
        1,
        "The file unpacks to more than 200 times its size, as no text does; "
        "unpack it and look at it first.",
    )


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-32-le", b"\xff\xfe\x00\x00"),
        ("utf-32-be", b"\x00\x00\xfe\xff"),
    ],
)
def test_a_byte_order_mark_tells_the_encoding(encoding: str, mark: bytes) -> None:
    warnings = Warnings()
    content = mark + ('{"a":"é😀"}\n' * 30_000).encode(encoding)

    items = read(JsonLines(), content, warnings=warnings)

    assert values(items) == [{"a": "é😀"}] * 30_000
    assert warnings.sentences() == []


def test_an_empty_file_says_so() -> None:
    assert reasons(read(JsonLines(), b"")) == [(1, "The file is empty; nothing was read.")]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "large.jsonl.gz"
    line = b'{"instruction":"%s","output":"%s"}\n' % (b"how " * 100, b"so " * 200)
    with gzip.open(path, "wb", compresslevel=1) as file:
        for _ in range(50 * 2**20 // len(line)):
            file.write(line)

    with open_rows(path, limits=Limits(ratio=2_000)) as rows:
        next(rows)
        tracemalloc.start()
        count = sum(1 for _ in rows)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert count > 50_000
    assert peak < 8 * 2**20


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_known_by_its_zeros(encoding: str) -> None:
    content = '[{"a": "é😀", "b": ""}]'.encode(encoding)

    assert values(read(JsonArray(), content)) == [{"a": "é😀", "b": ""}]


def test_what_is_no_character_in_utf_16_is_replaced_and_counted() -> None:
    warnings = Warnings()
    content = '\ufeff{"a":"x"}\n{"a":"\ud800y"}\n'.encode("utf-16-le", "surrogatepass")

    items = read(JsonLines(), content + b"\n", warnings=warnings)

    assert values(items) == [{"a": "x"}, {"a": "\ufffdy"}]
    assert reasons(items) == [
        (
            3,
            "Not valid JSON at column 1: a value was expected: text in double quotes, a number, "
            "true, false, null. Correct this row.",
        )
    ]
    assert warnings.counts == {REPLACED: 1}


def test_halves_of_pairs_in_an_array_are_replaced_and_counted() -> None:
    warnings = Warnings()

    items = read(JsonArray(), b'[{"a": "\xed\xa0\x80"}]', warnings=warnings)

    assert values(items) == [{"a": "\ufffd"}]
    assert warnings.counts == {REPLACED: 1}


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        (JsonLines(), b'{"a": "1"}\n{"a": "2"}'),
        (JsonArray(), b'[{"a": "1"},{"a": "2"}]'),
        (Delimited(), b"a\n1\n2"),
    ],
)
def test_the_last_row_counts_when_something_follows_the_end(reader: Reader, content: bytes) -> None:
    items = read(reader, gzip.compress(content) + b"more")

    assert values(items) == [{"a": "1"}, {"a": "2"}]
    assert [reason[:14] for _, reason in reasons(items)] == ["Something else"]


@pytest.mark.parametrize("reader", [JsonLines(), JsonArray(), Delimited()])
def test_all_rows_before_a_cut_are_read(reader: Reader) -> None:
    whole = {"jsonl": b'{"a": "1"}\n' * 9, "json": b'[{"a": "1"}' + b',{"a": "1"}' * 8 + b","}
    content = whole.get(reader.key, b"a\n" + b"1\n" * 9)
    packed = gzip.compress(content) + gzip.compress(bytes(range(256)))[:-9]

    items = read(reader, packed)

    assert values(items)[:9] == [{"a": "1"}] * 9
    assert reasons(items)[-1][1].startswith("The gzip file ends too early")
    for skip in range(len(items) + 2):
        assert read(reader, packed, skip=skip) == items[skip:]


def test_a_disk_that_fails_is_told() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(5, "Input/output error")
            return super().read(size)

    items = list(JsonLines().read(Failing(LINES * 50)))

    assert len(values(items)) > 1_000
    assert reasons(items) == [
        (
            len(values(items)) + 1,
            "The file cannot be read on from here: Input/output error. What stands before was "
            "read; look at the disk, then retry the job.",
        )
    ]


def test_warnings_of_skipped_rows_are_not_noted_again() -> None:
    warnings = Warnings({"before": 1}, {"before": 1})

    read(JsonArray(), b'[{"a": NaN}, {"a": NaN}, {"a": NaN}]', skip=2, warnings=warnings)

    assert warnings.counts == {"before": 1, NOT_FINITE: 1}
