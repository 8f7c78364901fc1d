"""What holds for every matcher, on odd records too."""

import pytest

from app.curation.catalog import MATCHERS
from app.curation.matchers.base import Signed
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from tests.curation.matchers.looking import look, plain

ODD = [
    plain(""),
    plain("word"),
    plain("word"),
    plain("\ud800 lone \U0001f600 שלום\n" * 3),
    plain("12 34\n" * 200_000),
    plain("def f(x):\n    return x\n"),
    plain("def broken(:\n"),
    plain("\0\x01 -- !!"),
    Record(Kind.CHAT, {"messages": [{"role": "user", "content": "hello there"}]}),
    Record(Kind.INSTRUCTION, {"instruction": "a", "input": "", "output": ""}, metadata={"a": 1}),
]


@pytest.mark.parametrize("key", MATCHERS)
def test_odd_records_are_signed_in_order_and_alike_each_time(key: str) -> None:
    matcher = MATCHERS[key]()

    signed = matcher.sign(Batch(ODD))
    again = [one for record in ODD for one in matcher.sign(Batch([record]))]

    assert len(signed) == len(ODD)
    assert signed == again
    widths = {len(one) for one in signed} - {0}
    assert widths <= {matcher.signed_width()} or not matcher.signed_width()


@pytest.mark.parametrize("key", MATCHERS)
def test_pairs_are_of_better_and_worse_rows_once_each(key: str) -> None:
    pairs = look(MATCHERS[key](), ODD)

    assert (pairs.first < pairs.second).all()
    assert len(set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))) == len(pairs)
    assert ((pairs.similarity >= 0) & (pairs.similarity <= 1)).all()


@pytest.mark.parametrize("key", MATCHERS)
def test_nothing_has_no_pairs(key: str) -> None:
    matcher = MATCHERS[key]()

    assert len(look(matcher, [])) == 0
    assert len(look(matcher, [plain("")] * 3)) == 0
    assert matcher.recall(1.0) == 1.0
    assert 0 <= matcher.least() <= 1


@pytest.mark.parametrize("key", MATCHERS)
def test_a_fingerprint_of_signatures_is_of_what_they_depend_on(key: str) -> None:
    matcher = MATCHERS[key]()
    if "threshold" not in type(matcher).model_fields:
        return

    other = type(matcher).model_validate({"threshold": 0.33})

    assert other.signature_fingerprint() == matcher.signature_fingerprint()
    assert other.fingerprint() != matcher.fingerprint()


def test_rows_without_a_signature_are_left_out() -> None:
    signed = Signed.of([b"ab", b"", b"cd"], [True])

    rows, data = signed.whole(2)

    assert (rows.tolist(), data.tolist()) == ([0, 2], [[97, 98], [99, 100]])
    assert signed.reference.tolist() == [True, False, False]
    assert Signed.of([b"ab", b"c"]).whole(2)[1].tolist() == [[97, 98]]
