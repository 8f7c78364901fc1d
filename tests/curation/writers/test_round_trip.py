from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.readers.layouts import propose
from app.curation.readers.mapping import mapper
from app.curation.readers.sniff import open_rows
from app.curation.records import BODY_FIELDS, Kind, Origin, Record, Rejected
from app.curation.writers.base import Writer
from app.curation.writers.jsonl import JsonLinesWriter
from app.curation.writers.layouts import Layout
from app.curation.writers.parquet import ParquetWriter

WORDS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20)
FILLED = WORDS.filter(lambda text: bool(text.strip()))
TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": FILLED}),
    min_size=1,
    max_size=4,
)


def bodies(kind: Kind) -> st.SearchStrategy[dict[str, object]]:
    if kind is Kind.CHAT:
        return st.fixed_dictionaries({"messages": TURNS})
    return st.fixed_dictionaries(dict.fromkeys(BODY_FIELDS[kind], FILLED))


def records(kind: Kind) -> st.SearchStrategy[list[Record]]:
    return st.lists(
        st.builds(
            Record,
            st.just(kind),
            bodies(kind),
            external_id=st.none() | FILLED,
            language=st.none() | st.just("en"),
            domain=st.none() | FILLED,
            origin=st.none() | st.sampled_from(Origin),
            metadata=st.dictionaries(
                st.sampled_from(["url", "year"]), WORDS | st.integers(0, 9) | st.none()
            ),
            scores=st.dictionaries(st.sampled_from(["edu", "len"]), st.floats(-9, 9, width=16)),
            tags=st.lists(st.from_regex("[a-z]{1,5}", fullmatch=True), max_size=2).map(tuple),
        ),
        min_size=1,
        max_size=5,
    )


def read_back(folder: Path, name: str) -> list[Record | Rejected]:
    path = folder / name
    with open_rows(path) as rows:
        found = propose(row for row in rows if not isinstance(row, Rejected))
    assert found.mapping is not None
    scores = {name: path for name, path in found.scores.items() if path.startswith("scores.")}
    make = mapper(found.mapping.model_copy(update={"scores": scores}))
    with open_rows(path) as rows:
        return [row if isinstance(row, Rejected) else make(row) for row in rows]


@pytest.mark.parametrize("writer", [JsonLinesWriter(), ParquetWriter()])
@pytest.mark.parametrize("kind", list(Kind))
@settings(max_examples=40)
@given(data=st.data())
def test_what_is_written_reads_back_equal(writer: Writer, kind: Kind, data: st.DataObject) -> None:
    written = data.draw(records(kind))

    with TemporaryDirectory() as folder:
        (file,) = writer.write(written, Path(folder)).files
        back = read_back(Path(folder), file.name)

    assert back == [replace(record, line=line) for line, record in enumerate(written, 1)]


@pytest.mark.parametrize("layout", [Layout.MESSAGES, Layout.SHAREGPT])
@pytest.mark.parametrize("make", [JsonLinesWriter, ParquetWriter])
def test_a_chat_goes_through_its_layouts(
    layout: Layout, make: type[Writer], tmp_path: Path
) -> None:
    messages = [
        {"role": role, "content": role}
        for role in ("system", "user", "function_call", "tool", "assistant")
    ]
    record = Record(Kind.CHAT, {"messages": messages}, line=1)

    (file,) = make(layout=layout).write([record], tmp_path).files

    assert read_back(tmp_path, file.name) == [record]
