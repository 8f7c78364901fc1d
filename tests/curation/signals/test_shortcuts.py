"""What the signals skip to be fast changes no value."""

import pytest
from ftfy.badness import badness

from tests.curation.signals.measuring import measure, note

MOJIBAKE = "Itâ€™s a cafÃ© Â© "


@pytest.mark.parametrize("between", ["", "a", "ab", "word " * 9, "…" * 3])
def test_text_far_from_odd_characters_does_not_count_for_mojibake(between: str) -> None:
    text = between + between.join(MOJIBAKE) + between + MOJIBAKE

    assert measure("corruption", text)["corruption_mojibake"] == badness(text) > 0


def test_places_are_those_in_the_whole_text() -> None:
    text = "One line.\nWrite to ann@example.com or call +1 (555) 010-9999.\n\nHost: 8.8.8.8\n"

    found = note("pii_patterns", text)

    assert found is not None
    assert [text[start:end] for start, end in found.spans] == [
        "ann@example.com",
        "+1 (555) 010-9999",
        "8.8.8.8",
    ]


def test_an_account_number_with_hardly_a_digit_is_found() -> None:
    assert measure("pii_patterns", "Pay to MT45MALTMTLCASTSMTLC, please")["pii_ibans"] == 1


def test_a_sentence_may_end_in_the_mark_of_any_script() -> None:
    assert measure("truncated", "Das ist gut。 Und dann kommt")["truncated"] == 1
    assert measure("truncated", "Größe und dann kommt")["truncated"] == 0
