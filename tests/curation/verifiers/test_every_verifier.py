"""What holds for all verifiers: they are in the catalog, and odd records are no fault."""

import pytest

from app.curation.catalog import VERIFIERS
from app.curation.ports import Finding
from app.curation.records import Kind, Record
from app.curation.verifiers.base import Asking, Tools, Verdict, field_of, text_of
from tests.curation.verifiers.records import Recorder, answered

ODD = [
    "",
    " ",
    "a",
    "\x00",
    "\ud800",
    "x" * 100_000,
    "1" * 5000,
    "سلام 😀",
    "``` \n",
    "\\boxed{" * 50,
    "####",
    "[" * 5000,
    "= = =",
    "(" * 200 + " = 3",
]


@pytest.mark.parametrize("key", VERIFIERS)
@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_odd_texts_get_a_verdict_or_none(key: str, odd: str) -> None:
    verifier = VERIFIERS[key]()
    tools = Tools(sandbox=Recorder(Finding(None)))
    metadata = {
        "answer": odd,
        "context": odd,
        "tests": odd,
        "answers": [odd, odd],
        "schema": odd,
        "instruction_id_list": [odd],
        "kwargs": [odd],
    }
    record = answered(odd, odd, **metadata)

    if isinstance(verifier, Asking):
        asked = verifier.questions(record)
        found = asked if isinstance(asked, Verdict) else verifier.settled(record, [odd], tools)
    else:
        found = verifier.verify(record, tools)

    assert found.passed in {True, False, None}
    assert found.reason


@pytest.mark.parametrize("key", VERIFIERS)
@pytest.mark.parametrize("kind", list(Kind))
def test_kinds_without_what_it_needs_get_no_verdict(key: str, kind: Kind) -> None:
    verifier = VERIFIERS[key]()
    record = Record(kind, {"messages": []} if kind is Kind.CHAT else {})

    if isinstance(verifier, Asking):
        found = verifier.questions(record)
        assert isinstance(found, Verdict)
        with pytest.raises(TypeError):
            verifier.verify(record, Tools())
    else:
        found = verifier.verify(record, Tools())

    assert found.passed is None


@pytest.mark.parametrize("key", VERIFIERS)
def test_it_explains_itself(key: str) -> None:
    verifier = VERIFIERS[key]

    assert verifier.title
    assert list(verifier().reads()) == []
    assert verifier.help().split("\n")[0].endswith("?")
    assert all(one.description for one in verifier.model_fields.values())


def test_fields_are_named_by_where_they_stand() -> None:
    record = answered("out", "in", answer=["1", "2"])

    assert field_of(record, "body.output") == "out"
    assert field_of(record, "response") == "out"
    assert field_of(record, "prompt") == "in"
    assert field_of(record, "text") == "in\n\nout"
    assert text_of(record, "metadata.answer") == "1\n2"
    assert text_of(record, "", "metadata.nothing", "body.output") == "out"
    assert text_of(record, "metadata.nothing", "body.output") == ""
