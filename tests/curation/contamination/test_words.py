"""Layers that compare words: what they find, where, and what they leave alone."""

import pytest
from pydantic import ValidationError

from app.curation.contamination.base import Finding, Hit, Layer, Setting, Text
from app.curation.contamination.exact import Exact
from app.curation.contamination.grams import Grams
from app.curation.contamination.ngrams import Ngram7, Ngram13, Overlap8
from app.curation.contamination.syntax import Syntax
from app.curation.contamination.words import spans_of, tokens
from app.curation.records import Kind, Record

NONE = Setting()
ASKED = (
    "A train leaves the old station at noon and runs for three hours at forty miles an hour, "
    "how far does it get before it stops?"
)


def text(prompt: str, answer: str = "") -> Text:
    return Text(Record(Kind.INSTRUCTION, {"instruction": prompt, "input": "", "output": answer}))


def document(words: str) -> Text:
    return Text(Record(Kind.TEXT, {"text": words}))


def cut(source: Text, hit: Hit, *, item: bool = False) -> list[str]:
    spans = hit.item_spans if item else hit.sample_spans
    return [source.full[start:end] for start, end in spans]


def words(first: int, count: int) -> str:
    return " ".join(f"word{at}" for at in range(first, first + count))


def test_words_are_small_and_without_marks() -> None:
    assert tokens("It's THE “Ünïted” 3.5x\uff21") == ["it", "s", "the", "ünïted", "3", "5xa"]
    assert tokens("今日は good") == ["今", "日", "は", "good"]


def test_ranges_of_grams_that_touch_are_one() -> None:
    assert spans_of("one two three four, five", [0, 1, 3], 1) == [(0, 7), (14, 18)]


def test_the_same_question_is_found_whatever_its_case() -> None:
    item = text("What is the Answer?", "42")
    rows = [text("what is the answer", "Who knows."), document("WHAT IS THE ANSWER"), text("No.")]

    found = Exact().index([item], NONE).find(rows)

    assert [(hit.item, hit.sample, hit.finding) for hit in found] == [
        (0, 0, Finding.MATCH),
        (0, 1, Finding.MATCH),
    ]
    assert cut(rows[0], found[0]) == ["what is the answer"]
    assert cut(item, found[0], item=True) == ["What is the Answer?"]


def test_a_short_question_is_found_within_a_row_and_a_shorter_one_is_not() -> None:
    items = [text("Which planet has the most moons?"), text("Is it so?"), text("?")]
    row = document("He asked: is it so? Then: which planet has the MOST moons? Nobody knew.")

    found = Exact().index(items, NONE).find([row])

    assert [(hit.item, cut(row, hit)) for hit in found] == [
        (0, ["which planet has the MOST moons"])
    ]


def test_thirteen_words_in_a_row_are_a_match() -> None:
    item, row = text(ASKED), document(f"Well. {ASKED} That was it.")

    hit, *more = Ngram13().index([item], NONE).find([row, document("Nothing of it here.")])

    assert more == []
    assert (hit.item, hit.sample, hit.finding, hit.likely) == (0, 0, Finding.MATCH, 1)
    assert hit.score == len(item.words)
    assert cut(row, hit) == [ASKED[:-1]]


def test_twelve_words_in_a_row_are_none() -> None:
    index = Ngram13().index([document(words(0, 30))], NONE)

    assert index.find([document(f"x {words(5, 12)} x")]) == []
    assert len(index.find([document(f"x {words(5, 13)} x")])) == 1


def test_runs_of_many_items_of_allowed_texts_and_of_numbers_do_not_count() -> None:
    template = [document(f"{words(0, 20)} end{at}") for at in range(11)]
    numbers = document(" ".join(str(at) for at in range(40)))

    assert Ngram13().index(template, NONE).find([document(words(0, 20))]) == []
    assert len(Ngram13(most_items=11).index(template, NONE).find([document(words(0, 20))])) == 11
    allowed = Ngram13(allowed=(words(0, 20),))
    assert allowed.index(template[:1], NONE).find([document(words(0, 20))]) == []
    assert Ngram13().index([numbers], NONE).find([numbers]) == []
    assert len(Ngram13(lettered=0).index([numbers], NONE).find([numbers])) == 1


def test_boilerplate_of_the_dataset_does_not_count_but_an_item_leaked_often_does() -> None:
    items = [document(f"{words(0, 20)} first"), document(f"{words(0, 20)} second")]
    often = [document(f"{words(0, 20)} row{at}") for at in range(9)]

    assert Ngram13().index(items, Setting(often)).find(often[:1]) == []
    assert len(Ngram13().index(items[:1], Setting(often)).find(often)) == 9
    assert len(Ngram13().index(items, Setting(often[:4])).find(often[:1])) == 2


@pytest.mark.parametrize(
    ("shared", "finding"),
    [(9, None), (12, Finding.CANDIDATE), (20, Finding.MATCH)],
)
def test_the_share_of_7_grams_decides(shared: int, finding: Finding | None) -> None:
    item = document(words(0, 30))  # 24 of them
    row = document(f"{words(0, shared)} {words(100, 40)}")

    found = Ngram7().index([item], NONE).find([row])

    assert [hit.finding for hit in found] == ([finding] if finding else [])
    for hit in found:
        assert hit.score == pytest.approx((shared - 6) / 24)
        assert cut(row, hit) == [words(0, shared)]


def test_few_7_grams_tell_nothing() -> None:
    tiny = document(words(0, 9))

    assert Ngram7().index([document(words(0, 30))], NONE).find([tiny]) == []


def test_more_than_half_of_the_words_in_shared_8_grams_is_a_match() -> None:
    index = Overlap8().index([document(words(0, 20))], NONE)

    half, more = document(f"x {words(3, 10)} y"), document(f"x {words(3, 11)} y")

    assert index.find([half]) == []
    (hit,) = index.find([more])
    assert hit.finding is Finding.MATCH
    assert hit.score == pytest.approx(11 / 20)


def test_no_items_find_nothing() -> None:
    assert list(Grams([], 13, most_items=1).shared([["a"] * 20])) == []
    assert list(Grams([["a"]], 13, most_items=1).shared([["a"]])) == []
    for layer in (Exact(), Ngram13(), Ngram7(), Overlap8()):
        assert layer.index([], NONE).find([document(ASKED)]) == []


def test_a_chat_of_many_turns_is_read_whole() -> None:
    turns = [
        {"role": "user", "content": "One."},
        {"role": "assistant", "content": "Two."},
        {"role": "user", "content": "Three."},
    ]
    chat = Text(Record(Kind.CHAT, {"messages": turns}))

    assert chat.prompt == chat.full
    assert chat.words == ["one", "two", "three"]
    assert chat.asked == chat.words


def test_grams_of_equal_hashes_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.curation.contamination.grams._BASE", 0)
    grams = Grams([["a", "b"], ["c", "d"]], 2, most_items=5)

    found = list(grams.shared([["c", "d"]]))

    assert [(one.text, one.item) for one in found] == [(0, 1)]


@pytest.mark.parametrize(
    ("layer", "params"),
    [(Ngram7, {"partly": 0.6, "contaminated": 0.5}), (Syntax, {"broad": 0.9, "strict": 0.8})],
)
def test_a_candidate_needs_no_more_than_a_match(
    layer: type[Layer], params: dict[str, float]
) -> None:
    with pytest.raises(ValidationError, match="a candidate can't need more than a match"):
        layer.model_validate(params)
