"""Ladders of answers, and graders that learn from them: planted ones, and real ones."""

from pathlib import Path

import numpy as np
import orjson
import pytest

from app.curation.learners import grading, ladder
from app.curation.learners.forest import Forest
from app.curation.learners.grading import Grader
from app.curation.learners.ladder import GRADES
from app.curation.text.surprise import Pairs
from app.providers import embedders
from app.providers.embedders import Tier
from app.settings import settings

ANSWER = "The Nile is 6650 km long and flows north through eleven countries to the sea."
OTHER = "Bake the bread with Anna at 220 degrees until golden."


def rng() -> np.random.Generator:
    return np.random.default_rng(1)


def test_a_light_edit_swaps_two_letters_of_a_word() -> None:
    made = ladder.edited(ANSWER, rng())

    differ = [at for at, (one, two) in enumerate(zip(ANSWER, made, strict=True)) if one != two]
    assert len(differ) == 2
    assert differ[1] == differ[0] + 1
    assert sorted(made) == sorted(ANSWER)
    assert ladder.edited("a b c.", rng()) == "a b c ."


def test_the_last_third_is_missed() -> None:
    assert ladder.cut("one two three four five six") == "one two three four"


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (ANSWER, "The Nile is "),
        ("He met Maria there.", "He met "),
        ("it flows to the coast of it", "it "),
    ],
)
def test_one_number_or_name_or_word_is_changed(answer: str, kept: str) -> None:
    made = ladder.changed(answer, OTHER, rng())

    assert made != answer
    assert made.startswith(kept)
    assert len(made.split()) == len(answer.split())


def test_where_nothing_can_be_changed_a_word_is_put_before() -> None:
    assert ladder.changed("a b c d e f", "g h i", rng()) == "nothing a b c d e f"


def test_rows_without_question_or_with_short_answers_have_no_ladder() -> None:
    assert ladder.usable(["Why?", "", "Why?"], [ANSWER, ANSWER, "So it is."]) == [0]


def test_each_row_has_every_rung_and_another_row_s_answer() -> None:
    found = ladder.rungs([ANSWER, OTHER, "A third answer of more than six words here."])

    assert [one.row for one in found] == [0] * 5 + [1] * 5 + [2] * 5
    assert [one.grade for one in found[:5]] == list(GRADES.values())
    assert all(found[5 * row].answer != found[5 * row + 4].answer for row in range(3))


class Bags:
    """Embeds texts as the letters at the start of their words."""

    fingerprint = "bags"
    width = 26

    def embed(self, texts: list[str]) -> np.ndarray:
        found = np.zeros((len(texts), self.width), np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                found[row, (ord(word[0]) - 97) % 26] += 1
        lengths: np.ndarray = np.linalg.norm(found, axis=1, keepdims=True)
        return np.asarray(found / np.maximum(lengths, 1), np.float32)


def planted(count: int) -> Pairs:
    """Sums with their results in words that recur, so that every rung can be told."""
    draw = np.random.default_rng(2)
    things = ["apples", "barrels", "candles", "ducks", "eggs", "flutes", "grapes", "hats"]
    prompts, answers = [], []
    for _ in range(count):
        one, two = draw.choice(things, 2, replace=False)
        a = int(draw.integers(2, 5))
        prompts.append(f"What do {a} {one} and {a} {two} make?")
        answers.append(
            f"Taking {a} {one} and {a} {two} together makes twice {a} things in one large basket."
        )
    return Pairs(prompts, answers)


def test_a_grader_finds_the_best_of_four_and_orders_ladders() -> None:
    found = grading.learn(Forest(), planted(200), Bags())  # type: ignore[arg-type]

    value, low, _ = found.metrics["best_of_4"]
    assert low >= 0.25 + 0.30, found.metrics  # drawing one by chance finds a quarter
    assert value >= 0.6
    assert found.metrics["spearman"][0] >= 0.8
    assert len(found.gold) == 200


def test_the_file_holds_all_of_it() -> None:
    good = planted(60)
    grader = grading.learn(Forest(), good, Bags()).grader  # type: ignore[arg-type]
    vectors = [Bags().embed(list(one)) for one in (good.prompts, good.answers)]

    again = Grader.from_bytes(grader.to_bytes())

    assert (again.score(good, *vectors) == grader.score(good, *vectors)).all()


def test_real_answers_are_graded_by_real_embeddings(real_data: Path) -> None:
    lines = (real_data / "dolly_part" / "dolly_with_context.jsonl").read_bytes().splitlines()
    rows = [orjson.loads(line) for line in lines]
    prompts, answers = ([row[name] for row in rows] for name in ("instruction", "response"))
    use = ladder.usable(prompts, answers)[:500]
    good = Pairs([prompts[row] for row in use], [answers[row] for row in use])

    found = grading.learn(Forest(), good, embedders.load("", Tier.STATIC, settings().distilled))

    assert found.metrics["best_of_4"][0] >= 0.25 + 0.25, found.metrics
    assert found.metrics["spearman"][0] >= 0.6, found.metrics
