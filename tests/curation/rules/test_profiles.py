import math

import numpy as np
import pytest

from app.curation.catalog import PROFILES, SIGNALS
from app.curation.rules.profiles import Condition, Profile, at_least, at_most, between, equals
from app.curation.signals.batch import Batch
from tests.curation.records import answer, text


@pytest.mark.parametrize(
    ("condition", "expression", "kept", "dropped"),
    [
        (at_least("words", 50, ""), "words>=50", 50, 49),
        (at_most("gopher_symbol_word_ratio", 0.1, ""), "gopher_symbol_word_ratio<=0.1", 0.1, 0.11),
        (between("gopher_words", 50, 100_000, ""), "gopher_words:50..100000", 100_000, 100_001),
        (between("gopher_mean_word_length", 3, 10, ""), "gopher_mean_word_length:3..10", 3, 2.9),
        (equals("code_parses", 1, ""), "code_parses:1", 1, 0),
    ],
)
def test_a_condition_keeps_its_bounds(
    condition: Condition, expression: str, kept: float, dropped: float
) -> None:
    assert condition.expression() == expression
    assert condition.keeps(kept)
    assert not condition.keeps(dropped)
    assert not condition.keeps(math.nan)


def test_a_stored_value_on_the_bound_is_kept() -> None:
    assert at_most("gopher_symbol_word_ratio", 0.1, "").keeps(float(np.float32(0.1)))
    assert at_least("gopher_alpha_word_frac", 0.7, "").keeps(float(np.float32(0.7)))


def test_a_profile_is_its_conditions_side_by_side() -> None:
    profile = Profile("p", "P", "", (at_least("words", 5, ""), equals("refusal", 0, "")))

    assert profile.expression() == "words>=5 refusal:0"


ARTICLE = (
    "The river rises in the hills north of the old town and runs for ninety miles to the sea. "
    "People have fished in it since records began, and many of the villages on its banks owe "
    "their names to the catch.\n"
    "A mill was built at the first bridge in 1740. It ground corn that farmers brought with "
    "carts, and its owner kept a diary of every flood that he saw.\n"
    "Today the mill is a museum. Visitors can watch the wheel turn when the water is high enough."
)


@pytest.mark.parametrize(
    ("key", "kept", "dropped"),
    [
        ("web", text(ARTICLE), text("Home\nAbout\nContact\nRead more\n" * 20)),
        ("book", text(ARTICLE), text("All work and no play. " * 60)),
        ("instruction", answer("Paris."), answer("I'm sorry, but I cannot help with that.")),
        ("chat", answer("Hello there!"), text("A text without a question.")),
    ],
)
def test_a_profile_keeps_what_it_is_made_for(key: str, kept: object, dropped: object) -> None:
    batch = Batch([kept, dropped])  # type: ignore[list-item]
    values = {
        measure.name: column
        for method in SIGNALS.values()
        for measure, column in zip(method.measures, method().score(batch).values.T, strict=True)
    }

    failed = [
        [
            each.measure
            for each in PROFILES[key].conditions
            if not each.keeps(float(values[each.measure][row]))
        ]
        for row in range(2)
    ]

    assert failed[0] == []
    assert failed[1] != []
