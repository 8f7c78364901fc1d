"""Files that are wrong in every way we know: the good rows land, each bad one says why."""

import codecs
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.readers.base import Row, Warnings
from app.curation.records import Rejected
from app.jobs.models import Job
from tests.factories import make_dataset, run_job
from workers import imports as worker

ROWS = [{"instruction": f"Task {n}", "input": "", "output": f"Result {n}"} for n in range(6)]
LINES = [json.dumps(row).encode() for row in ROWS]
JSONL = b"\n".join(LINES)
HEAD = b"instruction,output\n"

Failed = list[tuple[int | None, int | None, str]]
Importer = Callable[[str, bytes], Job]


@pytest.fixture
def do_import(session: Session, lead: Principal, bells: list[str], api: TestClient) -> Importer:
    """Sends a file and works on its job."""
    make_dataset(session, lead)

    def go(name: str, content: bytes) -> Job:
        answer = api.post("/datasets/mix/imports", files={"file": (name, content)})
        assert answer.status_code == 202, answer.json()
        return run_job(session, answer.json()["id"])

    return go


def failed(api: TestClient, job: Job) -> Failed:
    """Line, column and reason of what was rejected."""
    items = api.get(f"/jobs/{job.id}/dead-letters").json()["items"]
    return [(item["line"], item["column"], item["reason"]) for item in items]


def lines(*bad: bytes) -> bytes:
    """Two good lines, the bad ones from line 3 on, four good ones."""
    return b"\n".join([*LINES[:2], *bad, *LINES[2:]])


def array(bad: bytes) -> bytes:
    """The same as an array: a row to a line, the bad one on line 4."""
    return b"[\n" + b",\n".join([*LINES[:2], bad, *LINES[2:]]) + b"\n]"


def good(**more: Any) -> bytes:
    """One more good row."""
    return json.dumps({"instruction": "More", "output": "Much", **more}).encode()


COMMA = "a comma was expected; a quote inside text needs a backslash before it. Correct this row."
DEEP = "This row is nested more than 100 levels deep; flatten it."
LARGE = "This row is larger than 16 MiB; split it or leave it out."
GOES_ON = " Reading goes on at line 5, column 1."
NO_MORE = " Nothing after it was read."
EMPTY = "The file is empty; nothing was read."
NO_ROWS = "There are no rows in the file; nothing was read."
NO_COMMENTS = (
    "a value was expected: text in double quotes, a number, true, false, null. Correct this row."
)
NAME = "a field name in double quotes was expected. Correct this row."
MORE = "something follows the end of the row; put one object on a line. Correct this row."
OBJECT = "an object with named fields was expected."

REFUSED: dict[str, tuple[bytes, int, Failed]] = {
    "syntax.jsonl": (
        lines(b'{"instruction": "x" "output": "y"}'),
        6,
        [(3, 21, f"Not valid JSON at column 21: {COMMA}")],
    ),
    "syntax.json": (
        array(b'{"instruction": "x" "output": "y"}'),
        6,
        [(4, 21, f"Not valid JSON at line 4, column 21: {COMMA}{GOES_ON}")],
    ),
    "first.json": (
        b'[\n{"instruction": "x" "output": "y"},\n' + b",\n".join(LINES) + b"\n]",
        6,
        [
            (
                2,
                21,
                f"Not valid JSON at line 2, column 21: {COMMA} "
                "Reading goes on at line 3, column 1.",
            )
        ],
    ),
    "deep.jsonl": (lines(b'{"a":' * 100_000 + b"1" + b"}" * 100_000), 6, [(3, None, DEEP)]),
    "deep-list.jsonl": (
        lines(b'{"instruction":"a","output":"b","m":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        6,
        [(3, None, DEEP)],
    ),
    "deep.json": (
        array(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
        6,
        [(4, 1, DEEP + GOES_ON)],
    ),
    "large.jsonl": (
        lines(b'{"instruction":"' + b"x" * 20_000_000 + b'","output":"y"}'),
        6,
        [(3, None, LARGE)],
    ),
    "large.json": (
        array(b'{"instruction":"' + b"x" * 40_000_000 + b'","output":"y"}'),
        6,
        [(4, 1, LARGE + GOES_ON)],
    ),
    "raw-nul.jsonl": (
        lines(b'{"instruction": "a\x00b", "output": "y"}'),
        6,
        [
            (
                3,
                19,
                "Not valid JSON at column 19: a raw line break, tab, NUL or other control "
                "character in text. Correct this row.",
            )
        ],
    ),
    "escape.jsonl": (
        lines(rb'{"instruction": "C:\dir", "output": "y"}', rb'{"instruction": "\u12"}'),
        6,
        [
            (
                3,
                20,
                "Not valid JSON at column 20: a backslash before a character that it cannot "
                "escape; double it. Correct this row.",
            ),
            (
                4,
                19,
                "Not valid JSON at column 19: \\u takes four hexadecimal digits. Correct this row.",
            ),
        ],
    ),
    "single-quotes.jsonl": (
        lines(b"{'instruction': 'x', 'output': 'y'}"),
        6,
        [(3, 2, f"Not valid JSON at column 2: {NAME}")],
    ),
    "comma-in-object.jsonl": (
        lines(b'{"instruction": "x", "output": "y",}'),
        6,
        [(3, 36, f"Not valid JSON at column 36: {NAME}")],
    ),
    "comma-in-array.json": (
        b"[" + b",\n".join(LINES) + b",\n]",
        6,
        [
            (
                7,
                1,
                "Not valid JSON at line 7, column 1: a value was expected after the comma, not ]."
                + NO_MORE,
            )
        ],
    ),
    "comment.jsonl": (
        b"// A list of rows\n" + JSONL,
        6,
        [(1, 1, f"Not valid JSON at column 1: {NO_COMMENTS}")],
    ),
    "comment.json": (
        b"[\n" + LINES[0] + b", // one\n" + LINES[1] + b",\n" + LINES[2] + b"]",
        3,
        [
            (
                2,
                63,
                f"Not valid JSON at line 2, column 63: {NO_COMMENTS} "
                "Reading goes on at line 3, column 1.",
            )
        ],
    ),
    "two-on-a-line.jsonl": (
        lines(good() + b" " + good()),
        6,
        [(3, 43, f"Not valid JSON at column 43: {MORE}")],
    ),
    "no-objects.jsonl": (
        lines(b"[1, 2]", b'"x"', b"3", b"null", b"true"),
        6,
        [
            (3, None, f"This row is a list, {OBJECT}"),
            (4, None, f"This row is text, {OBJECT}"),
            (5, None, f"This row is a number, {OBJECT}"),
            (6, None, f"This row is missing, {OBJECT}"),
            (7, None, f"This row is true or false, {OBJECT}"),
        ],
    ),
    "no-text.jsonl": (
        lines(
            b'{"instruction": null, "output": "x"}',
            b"{}",
            b'{"instruction": "  ", "output": "\\t"}',
            b'{"instruction": ["x"], "output": "y"}',
        ),
        6,
        [
            (3, None, "`instruction` is missing (null) in this row."),
            (4, None, "There is no `instruction` in this row; it has no fields."),
            (5, None, "This row is empty: there is no text in instruction, input, output."),
            (6, None, "`instruction` is a list, text was expected."),
        ],
    ),
    "other-columns.jsonl": (
        lines(json.dumps({"k" * 70: 1} | {f"key {n}": 1 for n in range(20)}).encode()),
        6,
        [
            (
                3,
                None,
                f"There is no `instruction` in this row; it has {'k' * 59}…, "
                f"{', '.join(f'key {n}' for n in range(11))}, ....",
            )
        ],
    ),
    "origin.jsonl": (
        lines(good(origin="x" * 100_000)),
        6,
        [(3, None, f"`origin` is '{'x' * 58}…; it can be human, web, synthetic.")],
    ),
    "long-id.jsonl": (
        lines(good(id="x" * 10_000)),
        6,
        [(3, None, "`id` has 10,000 characters; an external_id has at most 500.")],
    ),
    "ids.jsonl": (
        lines(good(id="a", output="One"), good(id="a", output="Two"), good(id="b")),
        8,
        [(4, None, "The external_id `a` belongs to a sample with other content.")],
    ),
    "empty.jsonl": (b"", 0, [(1, None, EMPTY)]),
    "empty.jsonl.gz": (gzip.compress(b""), 0, [(1, None, EMPTY)]),
    "blank.jsonl": (b"\n \n\r\n", 0, [(1, None, NO_ROWS)]),
    "empty-array.json": (b"[]", 0, [(1, None, NO_ROWS)]),
    "head-only.csv": (HEAD, 0, [(1, None, NO_ROWS)]),
    "scalar.json": (
        b'"abc"',
        0,
        [
            (
                1,
                1,
                'Not valid JSON at line 1, column 1: an array or an object was expected, not ".'
                + NO_MORE,
            )
        ],
    ),
    "quotes.csv": (
        HEAD + b'a,b\n1,"x"y\nc,d\n',
        2,
        [
            (
                3,
                None,
                "Text follows a closing quote in this row; double the quotes inside a cell "
                '("") and put the cell in quotes.',
            )
        ],
    ),
    "open-quote.csv": (
        HEAD + b'a,b\n1,"open\nc,d\ne,f\n',
        3,
        [(3, None, "A quote that opens in this row is never closed; close it or double it.")],
    ),
    "ragged.csv": (
        HEAD + b"a,b\n1,2,3\nc,d\n",
        2,
        [
            (
                3,
                None,
                "This row has 3 cells, the header names 2; put a cell that holds a separator or "
                "a line break in quotes.",
            )
        ],
    ),
    "large-cell.csv": (
        HEAD + b'a,b\n"' + b"x" * 20_000_000 + b'",y\nc,d\n',
        2,
        [
            (
                3,
                None,
                "This row cannot be read or is larger than 16 MiB; look for an open quote.",
            )
        ],
    ),
    "garbage.jsonl.gz": (
        gzip.compress(JSONL) + b"garbage",
        6,
        [
            (
                7,
                None,
                "Something else follows the end of the gzip file; what stands before was read.",
            )
        ],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_rows_are_refused_alone(do_import: Importer, api: TestClient, name: str) -> None:
    content, created, wanted = REFUSED[name]

    job = do_import(name, content)

    assert job.error is None
    assert failed(api, job) == wanted
    assert (job.result["created"], job.result["rejected"]) == (created, len(wanted))


@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "gzip"), (zstandard.compress, "zstd")])
def test_a_truncated_file_gives_the_rows_before_the_cut(
    do_import: Importer, api: TestClient, pack: Callable[[bytes], bytes], name: str
) -> None:
    rows = [
        json.dumps({"instruction": str(n * 2654435761 % 2**32), "output": str(n)})
        for n in range(9000)
    ]
    packed = pack("\n".join(rows).encode())

    job = do_import("cut.jsonl.gz", packed[: len(packed) // 2])

    created = job.result["created"]
    assert 1000 < created < 9000
    assert failed(api, job) == [
        (
            created + 1,
            None,
            f"The {name} file ends too early; what stands before was read. Copy it again.",
        )
    ]


REPLACED = (
    "Characters that cannot be stored (NUL, half of a surrogate pair) became U+FFFD "
    "({} row{}, first at line {})."
)
WESTERN = "Bytes that are not UTF-8 were read as Windows-1252 (Latin-1) (1 row, first at line 3)."
NOT_FINITE = "NaN and Infinity were read as missing (3 rows, first at line 2)."
LATIN = '{"instruction": "café", "output": "y"}'.encode("latin-1")
RATED = [b'{"instruction": "%d", "output": "x", "rating": %%s}' % n for n in range(4)]
SPECIAL = [b"1", b"NaN", b"Infinity", b"-Infinity"]
LONE_UTF16 = codecs.BOM_UTF16_LE + JSONL.decode().replace("3", "\ud800").encode(
    "utf-16-le", "surrogatepass"
)

MENDED: dict[str, tuple[bytes, int, list[str]]] = {
    "utf-16.jsonl": (JSONL.decode().encode("utf-16"), 6, []),
    "utf-16-le.jsonl": (JSONL.decode().encode("utf-16-le"), 6, []),
    "utf-16-be.json": (array(good()).decode().encode("utf-16-be"), 7, []),
    "utf-16-le.csv": ((HEAD + b"a,b\nc,d\n").decode().encode("utf-16-le"), 2, []),
    "utf-16-lone.jsonl": (LONE_UTF16, 6, [REPLACED.format(1, "", 4)]),
    "latin-1.jsonl": (lines(LATIN), 7, [WESTERN]),
    "mark.csv": (codecs.BOM_UTF8 + HEAD + b"a,b\n", 1, []),
    "nul.jsonl": (lines(good(output="a\0b"), good(**{"\0": 1})), 8, [REPLACED.format(2, "s", 3)]),
    "surrogate.jsonl": (lines(good(output="a\ud800b")), 7, [REPLACED.format(1, "", 3)]),
    "surrogate.json": (array(good(output="\ud800\0")), 7, [REPLACED.format(1, "", 3)]),
    "surrogate-bytes.jsonl": (
        lines(b'{"instruction": "a\xed\xa0\x80b", "output": "y"}'),
        7,
        [REPLACED.format(1, "", 3)],
    ),
    "nul.csv": (HEAD + b"a,b\nc,d\0\n", 2, [REPLACED.format(1, "", 3)]),
    "nan.jsonl": (
        b"\n".join(row % value for row, value in zip(RATED, SPECIAL, strict=True)),
        4,
        [NOT_FINITE],
    ),
    "nan.csv": (
        b"instruction,output,rating\n"
        + b"\n".join(b"q%d,a,%s" % (n, value) for n, value in enumerate(SPECIAL)),
        4,
        ["Values of `rating` that are no numbers were left out (3 rows, first at line 3)."],
    ),
    "scores-beyond-single-precision.jsonl": (
        b"\n".join(
            row % value for row, value in zip(RATED, [b"1", b"1e300", b"1e-300", b"2"], strict=True)
        ),
        4,
        [],
    ),
    "commas.jsonl": (
        b",\n".join(LINES),
        6,
        ["A comma at the end of the line was left out (5 rows, first at line 1)."],
    ),
    "head.csv": (
        b"instruction,output,output,\na,b,c,d\n",
        1,
        [
            "Columns without a name or with the name of another one were numbered "
            "(1 row, first at line 1)."
        ],
    ),
    "nul-in-cell.csv": (
        b"instruction,output,metadata\n"
        + b'a,b,"{""a"":""x\\u0000""}"\nc,d,"{""a"":'
        + b"[" * 600
        + b"]" * 600
        + b'}"\n',
        2,
        [],
    ),
    "crlf.jsonl": (b"\r\n".join(LINES), 6, []),
    "cr.jsonl": (b"\r".join(LINES), 6, []),
    "cr.csv": (HEAD.replace(b"\n", b"\r") + b"a,b\rc,d\r", 2, []),
    "mixed.jsonl": (b"\n".join(LINES[:2]) + b"\r\n" + b"\r".join(LINES[2:]), 6, []),
    "mixed.csv": (HEAD + b"a,b\r\nc,d\re,f\n", 3, []),
    "separators.jsonl": (
        lines('{"instruction":"a\u2028b\x85","output":"c\u2029"}'.encode()),
        7,
        [],
    ),
    "lines-really.json": (JSONL, 6, []),
    "array-really.jsonl": (b"[" + b",".join(LINES) + b"]", 6, []),
    "under-a-key.json": (b'{"version": 1, "data": [' + b",".join(LINES) + b"]}", 6, []),
    "not-packed.jsonl.gz": (JSONL, 6, []),
    "packed.jsonl": (gzip.compress(JSONL), 6, []),
    "members.jsonl.gz": (gzip.compress(JSONL + b"\n") + gzip.compress(good()), 7, []),
    "same-key.jsonl": (lines(b'{"instruction":"a","instruction":"b","output":"c"}'), 7, []),
    "digits.jsonl": (
        lines(b'{"instruction":"a","output":"b","n":' + b"9" * 10_000 + b',"m":9%b}' % (b"9" * 25)),
        7,
        [],
    ),
    "integers.jsonl": (lines(good(a=2**64 - 1, b=-(2**63), c={"d": 2**64})), 7, []),
    "keys.jsonl": (lines(good(**{"": 1, "  ": 2, "\ud800": 3})), 7, [REPLACED.format(1, "", 3)]),
    "many-facts.jsonl": (lines(good(**{f"key {n}": "v" * 1000 for n in range(5000)})), 7, []),
    "cell-of-10-mb.csv": (HEAD + b'a,b\n"' + b"x" * 10_000_000 + b'",y\n', 2, []),
    "od\u202ed\n na'me \x01\0.jsonl": (JSONL, 6, []),
}


@pytest.mark.parametrize("name", MENDED)
def test_what_can_be_read_is_read_and_told(do_import: Importer, api: TestClient, name: str) -> None:
    content, created, warnings = MENDED[name]

    job = do_import(name, content)

    assert (job.error, failed(api, job)) == (None, [])
    assert job.result["created"] == created
    assert job.result["warnings"] == warnings


def zeros(pack: Callable[[bytes], bytes]) -> bytes:
    """Some GB of zeros that take little space, as members laid end to end."""
    return pack(bytes(2**26)) * 48


NOT_READ: dict[str, tuple[bytes, str]] = {
    "zeros.jsonl.gz": (zeros(gzip.compress), "holds binary data, not text or a table."),
    "zeros.jsonl.zst": (zeros(zstandard.compress), "holds binary data, not text or a table."),
    "sheet.xlsx": (
        b"PK\x03\x04" + bytes(900),
        "is a ZIP archive or an Excel file; unpack it, or save the sheet as CSV.",
    ),
    "sheet.xls": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)),
        "is an old Excel or Word file; save the sheet as CSV.",
    ),
    "folder.tar.gz": (
        gzip.compress(b"a.jsonl".ljust(257, b"\0") + b"ustar"),
        "is a tar archive; unpack it.",
    ),
    "page.csv": (
        b"<!DOCTYPE html>\n<html><body>Not found</body></html>",
        "is a web page; look whether its download failed.",
    ),
    "rows.parquet": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n",
        "is a pointer of Git LFS, not the file itself; run `git lfs pull`.",
    ),
    "noise.jsonl": (bytes(range(256)) * 9, "holds binary data, not text or a table."),
}


@pytest.mark.parametrize("name", NOT_READ)
def test_what_is_no_text_is_refused_at_once(
    session: Session, lead: Principal, api: TestClient, name: str
) -> None:
    make_dataset(session, lead)
    content, sentence = NOT_READ[name]

    answer = api.post("/datasets/mix/imports", files={"file": (name, content)})

    assert answer.status_code == 422
    assert answer.json()["detail"] == f"{name} {sentence}"


def test_a_bomb_behind_good_rows_is_not_unpacked(do_import: Importer, api: TestClient) -> None:
    many = b"\n".join(good(id=str(n), output=str(n)) for n in range(5_000)) + b"\n"

    job = do_import("bomb.jsonl.gz", gzip.compress(many) + zeros(gzip.compress))

    assert job.result["created"] == 5_000
    assert failed(api, job) == [
        (
            5_001,
            None,
            "The file unpacks to more than 200 times its size, as no text does; unpack it and "
            "look at it first.",
        )
    ]


def test_a_licence_that_spdx_does_not_know_is_refused(
    session: Session, lead: Principal, api: TestClient
) -> None:
    make_dataset(session, lead)

    answer = api.post(
        "/datasets/mix/imports", files={"file": ("a.jsonl", JSONL)}, data={"license": "free beer"}
    )

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("`free beer` is no SPDX licence expression: ")
    assert answer.json()["detail"].endswith(
        "Examples: MIT, Apache-2.0, CC-BY-4.0, CC0-1.0, MIT OR Apache-2.0."
    )


def test_a_mapping_to_a_column_that_is_not_there_is_refused(
    session: Session, lead: Principal, api: TestClient
) -> None:
    make_dataset(session, lead)

    answer = api.post(
        "/datasets/mix/imports",
        files={"file": ("a.jsonl", JSONL)},
        data={"map": '{"output": "colour"}'},
    )

    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "There is no column `colour`; there are instruction, input, output."
    )


@pytest.mark.parametrize(
    ("name", "created", "first"),
    [
        (
            "alpaca_zh_human_edited/alpaca_zh_09407-12345.json",
            2_801,
            (
                14_007,
                1,
                "Not valid JSON at line 14,007, column 1: a value was expected after the comma, "
                "not ]. Nothing after it was read.",
            ),
        ),
        (
            "alpaca_libre_worklog/alpaca_libre_tasks_v2.jsonl",
            None,
            (2_279, 97, f"Not valid JSON at column 97: {COMMA}"),
        ),
    ],
)
def test_real_broken_files_land_but_for_their_broken_rows(
    do_import: Importer,
    api: TestClient,
    real_data: Path,
    name: str,
    created: int | None,
    first: tuple[int, int, str],
) -> None:
    path = real_data / name

    job = do_import(path.name, path.read_bytes())

    letters = failed(api, job)
    assert job.error is None
    assert first in letters
    assert job.result["created"] + job.result["existing"] > 2_200
    assert created is None or job.result["created"] + job.result["existing"] == created


def test_an_id_over_the_limit_is_refused_when_it_is_posted(
    session: Session, lead: Principal, api: TestClient
) -> None:
    make_dataset(session, lead)
    rows = [{"external_id": one, "body": {"text": one[:3]}} for one in ("x" * 501, "ok")]

    answer = api.post("/datasets/mix/samples", json=rows).json()

    assert answer["created"] == 1
    assert answer["rejected"] == [
        {"line": 1, "reason": "`external_id` has at most 500 characters."}
    ]


def test_a_row_of_many_columns_is_looked_at_in_time(do_import: Importer, api: TestClient) -> None:
    job = do_import("wide.jsonl", good(**{f"key {n}": n for n in range(30_000)}))

    assert (job.error, job.result["created"]) == (None, 1)


PARQUET_SPOILT = "The rows 3 to 4 of the Parquet file are damaged: "


def test_a_damaged_parquet_gives_the_rows_of_its_good_groups(
    do_import: Importer, api: TestClient
) -> None:
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), out, row_group_size=2, use_dictionary=False)
    content = out.getvalue()
    facts = pq.ParquetFile(out).metadata.row_group(1)
    start, size = facts.column(0).data_page_offset, facts.column(0).total_compressed_size

    job = do_import("a.parquet", content[:start] + b"\xff" * size + content[start + size :])

    ((line, _, reason),) = failed(api, job)
    assert (job.error, job.result["created"], line) == (None, 4, 3)
    assert reason.startswith(PARQUET_SPOILT)


@pytest.mark.parametrize(
    ("name", "rows", "sentence"),
    [
        (
            "lists.parquet",
            {"instruction": ["Say a."], "output": [["a", "b"]]},
            "`output` holds a list, text was expected; change it in the file, or map the columns "
            "by hand.",
        ),
        (
            "nested.json",
            {"data": {"rows": [{"instruction": "Say a.", "output": "a"}]}},
            "The whole file is one row; a list of objects stands in `data.rows`. Save that list "
            "as a file of its own, and its items are rows.",
        ),
    ],
)
def test_a_file_of_another_shape_is_told_where_its_rows_stand(
    session: Session,
    lead: Principal,
    api: TestClient,
    name: str,
    rows: dict[str, Any],
    sentence: str,
) -> None:
    make_dataset(session, lead)
    written = io.BytesIO()
    if name.endswith(".parquet"):
        pq.write_table(pa.table(rows), written)
    else:
        written.write(json.dumps(rows).encode())

    answer = api.post("/datasets/mix/imports", files={"file": (name, written.getvalue())})

    assert answer.status_code == 422
    assert sentence in answer.json()["detail"]


def test_missing_and_nested_cells_of_a_parquet(do_import: Importer, api: TestClient) -> None:
    out = io.BytesIO()
    nested = [{**ROWS[0], "more": {"deep": [1, None]}}, {**ROWS[1], "output": None}, ROWS[2]]
    pq.write_table(pa.Table.from_pylist(nested), out)

    job = do_import("a.parquet", out.getvalue())

    assert failed(api, job) == [(2, None, "`output` is missing (null) in this row.")]
    assert job.result["created"] == 2
    items = api.get("/datasets/mix/samples").json()["items"]
    assert {"more": {"deep": [1, None]}} in [item["metadata"] for item in items]


def test_few_rows_are_held_at_once_where_their_texts_are_long() -> None:
    long = Row(1, {"messages": [{"role": "user", "content": "x" * 9_000_000}], "n": 1})
    refused = Rejected(2, "No.", "x" * 2000)

    class Rows(list[Row | Rejected]):
        progress = 0.0

    rows = Rows([long, refused, long, refused, long])
    batches = worker._batches(rows, lambda row: row, Warnings())  # type: ignore[arg-type] # noqa: SLF001

    assert [(batch.rows, len(batch.refused)) for batch in batches] == [(3, 1), (2, 1)]
