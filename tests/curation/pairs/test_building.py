"""Pairs of answers: the better one is chosen, gates hold, every refusal is counted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.curation.pairs.answers import Answer
from app.curation.pairs.building import ABOUT, Built, Gate, Rules, build, usual_margin


def answers(*scores: float, texts: tuple[str, ...] = ()) -> list[Answer]:
    given_texts = texts or tuple(f"Answer number {place}." for place in range(len(scores)))
    return [
        Answer(place, 1, "Why?", text, score)
        for place, (score, text) in enumerate(zip(scores, given_texts, strict=True))
    ]


def ids(built: Built) -> list[tuple[int, int]]:
    return [(one.chosen.id, one.rejected.id) for one in built.pairs]


def test_the_best_goes_with_the_worst_and_then_with_the_next() -> None:
    found = answers(3, 5, 1, 2)

    assert ids(build(found, Rules(pick="best_worst"), 1)) == [(1, 2)]
    assert ids(build(found, Rules(pick="best_worst", most=2), 1)) == [(1, 2), (1, 3)]


def test_the_best_goes_with_one_by_chance_that_the_seed_decides() -> None:
    found = answers(5, 1, 2, 3)

    drawn = [ids(build(found, Rules(seed=seed), 1)) for seed in range(40)]

    assert {one[0][0] for one in drawn} == {0}
    assert {one[0][1] for one in drawn} == {1, 2, 3}
    assert drawn == [ids(build(found, Rules(seed=seed), 1)) for seed in range(40)]


def test_all_pairs_come_with_the_widest_margin_first() -> None:
    built = build(answers(1, 5, 3), Rules(pick="all", most=10), 2)

    assert ids(built) == [(1, 0), (1, 2), (2, 0)]
    assert [one.margin for one in built.pairs] == [4, 2, 2]
    assert ids(build(answers(1, 5, 3), Rules(pick="all"), 2)) == [(1, 0)]


@pytest.mark.parametrize(
    ("found", "rules", "gate"),
    [
        (answers(3, 3), Rules(), Gate.TIE),
        (answers(3, 2.5), Rules(), Gate.MARGIN),
        (answers(3, 1), Rules(floor=4), Gate.FLOOR),
        (answers(3, 1, texts=("No.", "No.  ")), Rules(), Gate.EQUAL),
        (answers(3, 1, texts=("No.", "No, not at all.")), Rules(), Gate.LENGTH),
        (answers(3, 1, texts=("No, not at all.", "No.")), Rules(), Gate.LENGTH),
    ],
)
def test_what_fails_a_gate_is_no_pair_and_is_counted(
    found: list[Answer], rules: Rules, gate: Gate
) -> None:
    built = build(found, rules, 1)

    assert built.pairs == ()
    assert built.refused == {gate: 1}


def test_one_answer_alone_is_no_pair() -> None:
    assert build(answers(3), Rules(), 1).refused == {Gate.ALONE: 1}
    assert build(answers(3), Rules(pick="all"), 1).refused == {Gate.ALONE: 1}


def test_where_one_pair_fails_the_next_is_tried() -> None:
    built = build(answers(5, 1, 2, texts=("aaaa", "b", "cccc")), Rules(pick="best_worst"), 1)

    assert ids(built) == [(0, 2)]
    assert built.refused == {Gate.LENGTH: 1}


def test_what_a_person_rejected_is_never_preferred() -> None:
    good, rejected, bad = answers(3, 5, 1)
    barred = Answer(1, 1, rejected.question, rejected.text, rejected.score, barred=True)

    for pick in ("best_random", "best_worst", "all"):
        rules = Rules.model_validate({"pick": pick, "most": 5})
        built = build([good, barred, bad], rules, 1)
        assert ids(built) == [(0, 2)]
        assert built.refused[Gate.BARRED] > 0
    assert build([barred], Rules(), 1).refused == {Gate.ALONE: 1}
    assert build([barred, barred], Rules(), 1).refused == {Gate.BARRED: 2}


def test_scores_in_four_bytes_lie_on_the_margin() -> None:
    found = answers(1.0, 0.800000011920929)

    assert ids(build(found, Rules(), 0.2)) == [(0, 1)]
    assert build(found, Rules(), 0.21).pairs == ()


def test_a_pair_tells_its_margin_and_how_long_its_sides_are() -> None:
    (pair,) = build(answers(5, 1, texts=("abcdef", "abcd")), Rules(), 1).pairs

    assert (pair.margin, pair.length_ratio) == (4, 1.5)


def test_the_usual_margin_goes_by_the_scale() -> None:
    assert usual_margin(0, 1) == 0.2
    assert usual_margin(1, 5) == 1
    assert usual_margin(-0.5, 1) == 1


def test_every_gate_is_explained() -> None:
    assert set(ABOUT) == set(Gate)


@given(
    st.lists(st.tuples(st.floats(0, 5), st.text("ab ", max_size=12), st.booleans()), max_size=12),
    st.sampled_from(["best_random", "best_worst", "all"]),
    st.integers(1, 5),
)
def test_every_pair_passes_every_gate(
    made: list[tuple[float, str, bool]], pick: str, most: int
) -> None:
    found = [
        Answer(place, 1, "Why?", text, score, barred)
        for place, (score, text, barred) in enumerate(made)
    ]
    rules = Rules.model_validate({"pick": pick, "most": most, "floor": 2})

    pairs = build(found, rules, 1).pairs

    assert len(pairs) <= most
    assert len({(one.chosen.id, one.rejected.id) for one in pairs}) == len(pairs)
    for one in pairs:
        assert one.margin >= 1 - 1e-6
        assert one.chosen.score >= 2 - 1e-6
        assert 0.5 <= one.length_ratio <= 2
        assert one.chosen.text.split() != one.rejected.text.split()
        assert not one.chosen.barred
