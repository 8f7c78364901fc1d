"""Sides of a pair: the order tells nothing and is kept, a swap is exactly undone by another."""

from app.curation.pairs.sides import chosen_first, shown, swapped, swapped_metadata

BODY = {"prompt": "Why?", "chosen": "So.", "rejected": "No."}


def test_the_order_is_drawn_per_sample_and_person_and_stays() -> None:
    first = [chosen_first(number, "anna") for number in range(1000)]

    assert first == [chosen_first(number, "anna") for number in range(1000)]
    assert 420 < sum(first) < 580
    differ = sum(one is not chosen_first(at, "ben") for at, one in enumerate(first))
    assert 420 < differ < 580


def test_the_sides_are_shown_in_that_order() -> None:
    assert shown(BODY, first=True) == ("So.", "No.")
    assert shown(BODY, first=False) == ("No.", "So.")


def test_a_swap_changes_all_that_is_known_of_a_side() -> None:
    metadata = {
        "chosen_score": 5,
        "rejected_score": 2,
        "margin": 3,
        "length_ratio": 1.25,
        "chosen": "kept",
        "other_thing": 1,
    }

    found = swapped_metadata(metadata)

    assert swapped(BODY) == {"prompt": "Why?", "chosen": "No.", "rejected": "So."}
    assert found == {
        "rejected_score": 5,
        "chosen_score": 2,
        "margin": -3,
        "length_ratio": 0.8,
        "chosen": "kept",
        "other_thing": 1,
        "swapped": True,
    }
    assert swapped_metadata(found) == metadata


def test_metadata_of_others_is_left_as_it_is() -> None:
    assert swapped_metadata({"margin": "wide", "length_ratio": 0}) == {
        "margin": "wide",
        "length_ratio": 0,
        "swapped": True,
    }
