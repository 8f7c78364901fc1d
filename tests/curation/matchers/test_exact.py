"""Equal samples: what counts, and that many of them are no problem."""

import pytest

from app.curation.matchers.exact import Exact
from app.curation.records import Kind, Record
from tests.curation.matchers.looking import ends, look, plain


def test_case_marks_spaces_and_accents_do_not_count() -> None:
    rows = [plain("Caf\u00e9, au  lait!"), plain("cafe\u0301 au lait"), plain("cafe au lait")]

    assert ends(look(Exact(), rows)) == {(0, 1)}
    assert ends(look(Exact(keep_marks=True), rows)) == set()
    assert ends(look(Exact(keep_marks=True), [rows[0], rows[0]])) == {(0, 1)}


def pair(prompt: str, response: str, url: object = None) -> Record:
    body = {"instruction": prompt, "input": "", "output": response}
    return Record(Kind.INSTRUCTION, body, metadata={"url": url} if url is not None else {})


def test_what_is_compared_is_chosen() -> None:
    rows = [pair("a b", "c"), pair("a b", "d"), pair("a", "b c"), pair("A b.", "C")]

    assert ends(look(Exact(of="prompt"), rows)) == {(0, 1), (0, 3), (1, 3)}
    assert ends(look(Exact(of="prompt_response"), rows)) == {(0, 3)}
    # The whole text does not tell where the question ends.
    assert ends(look(Exact(), rows)) == {(0, 2), (0, 3), (2, 3)}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("https://www.Example.org/a/", "http://example.org:80/a#part", True),
        ("example.org/a?x=1", "https://example.org/a?x=1", True),
        ("https://example.org/a?x=1", "https://example.org/a?x=2", False),
        ("https://example.org/A", "https://example.org/a", False),
        ("http://[broken", "http://[broken", True),
        ("", "", False),
        (7, 7, False),
    ],
)
def test_addresses_are_compared_as_people_do(first: object, second: object, same: bool) -> None:
    rows = [pair("a", "b", first), pair("c", "d", second)]

    assert bool(len(look(Exact(of="url"), rows))) is same


def test_fifty_thousand_equal_rows_make_a_star() -> None:
    pairs = look(Exact(), [plain("the same")] * 50_000)

    assert len(pairs) == 49_999
    assert set(pairs.first.tolist()) == {0}
