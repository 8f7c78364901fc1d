from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.curation.readers.layouts import propose
from app.curation.readers.mapping import mapper
from app.curation.readers.sniff import open_rows
from app.curation.records import BODY_FIELDS, Kind, Origin, Record, Rejected
from app.curation.text.transcripts import transcript
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


# Readers of transcripts take the spaces at both ends of a turn away.
TRIMMED = FILLED.map(str.strip)
PROMPTS = FILLED | st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant"]), "content": TRIMMED}
    ),
    min_size=2,
    max_size=4,
).map(transcript)
PAIRS = st.lists(
    st.builds(
        Record,
        st.just(Kind.PREFERENCE),
        st.fixed_dictionaries({"prompt": PROMPTS, "chosen": FILLED, "rejected": FILLED}),
        external_id=st.none() | FILLED,
        metadata=st.dictionaries(st.sampled_from(["url", "year"]), WORDS),
    ),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("layout", [Layout.DPO, Layout.DPO_MESSAGES, Layout.REWARD])
@pytest.mark.parametrize("make", [JsonLinesWriter, ParquetWriter])
@settings(max_examples=40)
@given(pairs=PAIRS)
def test_pairs_read_back_equal_from_the_layouts_of_trainers(
    make: type[Writer], layout: Layout, pairs: list[Record]
) -> None:
    with TemporaryDirectory() as folder:
        (file,) = make(layout=layout).write(pairs, Path(folder)).files
        back = read_back(Path(folder), file.name)

    assert back == [replace(record, line=line) for line, record in enumerate(pairs, 1)]


@pytest.mark.parametrize("layout", [Layout.KTO, Layout.KTO_MESSAGES])
@pytest.mark.parametrize("make", [JsonLinesWriter, ParquetWriter])
@settings(max_examples=40)
@given(pairs=PAIRS)
def test_of_kto_two_rows_of_each_pair_come_back_with_their_label(
    make: type[Writer], layout: Layout, pairs: list[Record]
) -> None:
    with TemporaryDirectory() as folder:
        (file,) = make(layout=layout).write(pairs, Path(folder)).files
        back = [one for one in read_back(Path(folder), file.name) if isinstance(one, Record)]

    assert file.rows == len(back) == 2 * len(pairs)
    for pair, good, bad in zip(pairs, back[::2], back[1::2], strict=True):
        assert (good.body["instruction"], bad.body["instruction"]) == (pair.body["prompt"],) * 2
        assert (good.body["output"], bad.body["output"]) == (
            pair.body["chosen"],
            pair.body["rejected"],
        )
        assert (good.metadata["label"], bad.metadata["label"]) == (True, False)
        if pair.external_id:
            assert good.external_id == f"{pair.external_id}-chosen"
            assert bad.external_id == f"{pair.external_id}-rejected"


def test_turns_of_kto_are_lists_in_parquet_too(tmp_path: Path) -> None:
    pair = Record(Kind.PREFERENCE, {"prompt": "q", "chosen": "a", "rejected": "b"})

    ParquetWriter(layout=Layout.KTO_MESSAGES, about=False).write([pair], tmp_path)

    assert pq.read_table(tmp_path / "data.parquet").to_pylist() == [
        {
            "prompt": [{"role": "user", "content": "q"}],
            "completion": [{"role": "assistant", "content": answer}],
            "label": answer == "a",
        }
        for answer in ("a", "b")
    ]
