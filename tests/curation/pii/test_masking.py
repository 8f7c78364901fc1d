"""Masks in the place of values; what is masked is found no more."""

import random

import pytest

from app.curation.catalog import SIGNALS
from app.curation.pii.finding import find_in
from app.curation.pii.keccak import keccak_256
from app.curation.pii.kinds import KINDS
from app.curation.pii.masking import masked, masked_body
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from tests.curation.pii.numbers import PLANTED
from tests.curation.signals.measuring import measure, note


def test_values_are_replaced_and_the_rest_stays() -> None:
    new, counts = masked("Ask jo@example.org or ann@example.org, card 4111 1111 1111 1111!", KINDS)

    assert new == "Ask <EMAIL> or <EMAIL>, card <CARD>!"
    assert counts == {"email": 2, "card": 1}


def test_only_the_chosen_kinds_are_masked() -> None:
    new, counts = masked("jo@example.org at 8.8.8.8", {"ipv4"})

    assert new == "jo@example.org at <IPV4>"
    assert counts == {"ipv4": 1}


def test_nothing_is_left_after_masking() -> None:
    draw = random.Random(3)
    text = "\n".join(
        " ".join(PLANTED[draw.choice(list(PLANTED))](draw) for _ in range(6)) for _ in range(200)
    )

    new, counts = masked(text, KINDS)

    assert counts.total() > 1000
    assert find_in(new) == []
    assert masked(new, KINDS) == (new, {})


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        (Kind.TEXT, {"text": "jo@example.org"}, {"text": "<EMAIL>"}),
        (
            Kind.INSTRUCTION,
            {"instruction": "Write to jo@example.org", "input": None, "output": "8.8.8.8"},
            {"instruction": "Write to <EMAIL>", "input": None, "output": "<IPV4>"},
        ),
        (
            Kind.CHAT,
            {"messages": [{"role": "jo@example.org", "content": "jo@example.org"}]},
            {"messages": [{"role": "jo@example.org", "content": "<EMAIL>"}]},
        ),
        (Kind.CHAT, {"messages": None}, {"messages": []}),
        (
            Kind.PREFERENCE,
            {"prompt": "?", "chosen": "(212) 555-0101", "rejected": "no"},
            {"prompt": "?", "chosen": "<PHONE>", "rejected": "no"},
        ),
    ],
)
def test_bodies_keep_their_structure(
    kind: Kind, body: dict[str, object], expected: dict[str, object]
) -> None:
    new, _ = masked_body(kind, body, KINDS)

    assert new == expected


def test_counts_are_those_of_the_signal() -> None:
    body = {"instruction": "Mail jo@example.org", "input": "", "output": "Call (212) 555-0101."}
    record = Record(Kind.INSTRUCTION, body)
    values = SIGNALS["pii_patterns"]().score(Batch([record])).values[0]

    _, counts = masked_body(Kind.INSTRUCTION, body, KINDS)

    assert values[0] == counts.total() == 2
    assert list(values[1:]) == [counts[kind] for kind in KINDS]


def test_notes_tell_kinds_and_places_and_never_values() -> None:
    text = "One\nSSN 536-22-8145, NHS number 943 476 5919, 4111111111111111"

    found = note("pii_patterns", text)

    assert measure("pii_patterns", text)["pii"] == 3
    assert found is not None
    assert found.text == ("US SSN: 1, British NHS number: 1, card: 1")
    assert [text[start:end] for start, end in found.spans] == [
        "536-22-8145",
        "943 476 5919",
        "4111111111111111",
    ]


def test_keccak_is_that_of_ethereum() -> None:
    # Published digests; the last message fills more than one block.
    assert keccak_256(b"").hex() == (
        "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    )
    assert keccak_256(b"abc").hex() == (
        "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"
    )
    assert len(keccak_256(b"x" * 300)) == 32


@pytest.mark.parametrize(("number", "mask"), [(0, "<EMAIL>"), (1, "<EMAIL-A>"), (28, "<EMAIL-AB>")])
def test_a_number_keeps_texts_apart(number: int, mask: str) -> None:
    text, _ = masked("jo@example.org", KINDS, number)

    assert text == mask
    assert masked(text, KINDS) == (text, {})
