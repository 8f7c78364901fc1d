"""LAB: what is asked for a leaf, and which drafts pass its gates."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from app.curation.generators.base import Made, Outcome, Task
from app.curation.generators.lab import Lab
from app.curation.generators.leaf import MANNERS, Leaf, domain_of, normal, passages_of
from app.curation.ports import Question, Reply
from app.curation.records import Kind, Record
from app.llm.running import finished
from tests.curation.generators.replies import made, talk_of

FREE = "compositional_skills/writing/riddles"
PASSAGE = "The chickadee is a small bird. It hides seeds in autumn and finds them in winter."


def seed(number: int, text: str = "", **more: Any) -> Record:
    body = {"instruction": f"Seed {number}?", "input": text, "output": f"Answer {number}."}
    return Record(Kind.INSTRUCTION, body, id=number, **more)


def leaf(path: str = FREE, text: str = "", seeds: int = 5, **more: Any) -> Leaf:
    given = tuple(seed(number, text) for number in range(1, seeds + 1))
    return Leaf(7, path, "Write riddles.", given, **more)


def task(generator: Lab, of: Leaf | None = None, serial: int = 0) -> Task:
    return generator.task(of or leaf(), 3, serial)


def verdict(score: float, reason: str = "Because.") -> dict[str, Any]:
    return {"explanation": reason, "score": score}


def told(lines: Sequence[Made]) -> list[tuple[str, str]]:
    return [(one.outcome.value, one.failed_gate) for one in lines]


def test_a_request_shows_three_seeds_of_its_leaf_and_differs_from_the_next() -> None:
    generator = Lab()
    tasks = [task(generator, serial=number) for number in range(24)]

    assert all(len({seed.id for seed in one.seeds}) == 3 for one in tasks)
    assert len({tuple(seed.id for seed in one.seeds) for one in tasks}) > 5
    assert {one.values["manner"] for one in tasks} == set(MANNERS)
    assert len({tuple(one.values.items()) for one in tasks}) == 24
    assert task(generator, serial=4) == tasks[4]
    assert task(Lab(seed=1), serial=4).seeds != tasks[4].seeds
    assert len(task(generator, leaf(seeds=1)).seeds) == 1


def test_a_leaf_says_why_nothing_can_be_asked_for_it() -> None:
    assert leaf().problem() == ""
    assert "no seeds" in leaf(seeds=0).problem()
    assert "no document" in leaf("knowledge/science/birds").problem()
    assert leaf("knowledge/science/birds", passages=(PASSAGE,)).problem() == ""


def test_questions_pass_a_gate_then_answers_pass_another() -> None:
    says = [
        {"questions": ["What has keys and no locks?", "Show me a picture.", "What runs?", "Hm?"]},
        verdict(1),
        "A piano.",
        verdict(3, "Right."),
        verdict(0, "It asks for a picture."),
        verdict(1),
        "A stone.",
        verdict(1, "Stones do not run."),
        verdict(1),
        '"A nose."',
        verdict(2),
    ]

    found = made(Lab(), task(Lab()), says)

    assert told(found) == [
        ("accepted", ""),
        ("failed a gate", "question"),
        ("failed a gate", "answer"),
        ("accepted", ""),
    ]
    first = found[0].draft
    assert first is not None
    assert first.body == {
        "instruction": "What has keys and no locks?",
        "input": "",
        "output": "A piano.",
    }
    assert first.parents == tuple(one.id for one in task(Lab()).seeds)
    assert (first.domain, first.metadata) == ("writing/riddles", {"taxonomy": FREE})
    assert [one.reason for one in found[0].gates] == ["1 of 1: Because.", "3 of 3: Right."]
    assert found[1].reason == "0 of 1: It asks for a picture."
    (fourth,) = [one.draft for one in found[3:]]
    assert fourth is not None
    assert fourth.body["output"] == "A nose."


def test_the_grade_that_an_answer_needs_can_be_raised() -> None:
    says = [{"questions": ["What runs and has no legs?"]}, verdict(1), "Water.", verdict(2)]

    assert told(made(Lab(), task(Lab()), says)) == [("accepted", "")]
    assert told(made(Lab(least_pair=3), task(Lab()), says)) == [("failed a gate", "answer")]


def test_known_and_empty_questions_are_not_asked_about() -> None:
    generator = Lab(shown=5)
    says = [{"questions": ["SEED 2", "?", "What runs?", "What runs"]}, verdict(0)]

    found = made(generator, task(generator), says)

    assert told(found) == [
        ("duplicate", ""),
        ("unreadable", ""),
        ("failed a gate", "question"),
        ("duplicate", ""),
    ]


def test_a_reply_of_no_use_costs_its_own_draft_alone() -> None:
    says = [
        {"questions": ["What runs?", "What sleeps?", "What flies?", "What swims?"]},
        *(verdict(7), verdict(1), "I'm sorry, but I can't help with that."),
        *("What?", "No JSON again."),
        *(verdict(1), "A bird.", verdict(3)),
    ]

    found = made(Lab(), task(Lab()), says)

    assert told(found) == [
        ("unreadable", ""),
        ("refused", ""),
        ("unreadable", ""),
        ("accepted", ""),
    ]
    assert found[0].reason == "A score of 7 is not one of 0 to 1."
    assert found[1].draft is not None
    assert [one.name for one in found[1].gates] == ["question"]


def test_a_grounded_skill_gets_a_text_of_its_own_first() -> None:
    asked: list[Question] = []
    replies = iter(
        [
            "The shop sold 12 lamps on Monday and 7 on Tuesday.",
            '{"questions": ["How many lamps were sold?"]}',
            '{"explanation": "Fit.", "score": 1}',
            "19 lamps.",
            '{"explanation": "Right.", "score": 3}',
        ]
    )

    def says(question: Question) -> str:
        asked.append(question)
        return next(replies)

    grounded = leaf(text="The farm had 3 cows.")
    (found,) = made(Lab(), task(Lab(), grounded), says)

    assert grounded.grounded
    assert found.draft is not None
    assert found.draft.body == {
        "instruction": "How many lamps were sold?",
        "input": "The shop sold 12 lamps on Monday and 7 on Tuesday.",
        "output": "19 lamps.",
    }
    said = [one.messages[1].content for one in asked]
    assert "The farm had 3 cows." in said[0]
    assert all("12 lamps on Monday" in one for one in said[1:])
    assert [one.temperature for one in asked] == [0.7, 0.7, 0.0, 0.7, 0.0]


def test_knowledge_stands_in_its_passage_is_to_the_point_and_stands_alone() -> None:
    birds = leaf("knowledge/science/birds", passages=(PASSAGE, "Another."))
    pairs = [
        {"question": f"What does the {word} hide?", "answer": "Seeds."}
        for word in ("chickadee", "owl", "tit", "jay", "wren")
    ]
    empty = {"question": "Who?", "answer": " "}
    known = {"question": "seed 1!", "answer": "x"}
    yes = {"explanation": "Said.", "supported": "Yes."}
    points = {"explanation": "Fine.", "question": 1, "answer": 1}
    says = [
        {"pairs": [*pairs, empty, known]},
        *(yes, points, verdict(1)),
        {"explanation": "No owl.", "supported": "no"},
        *(yes, {**points, "question": 0}),
        *(yes, points, verdict(0)),
        {"explanation": "Hm.", "supported": "perhaps"},
    ]
    generator = Lab(shown=5)

    found = made(generator, task(generator, birds), says)

    assert told(found) == [
        ("accepted", ""),
        ("failed a gate", "faithful"),
        ("failed a gate", "relevant"),
        ("failed a gate", "stands alone"),
        ("unreadable", ""),
        ("unreadable", ""),
        ("duplicate", ""),
    ]
    draft = found[0].draft
    assert draft is not None
    assert draft.metadata == {"taxonomy": "knowledge/science/birds", "context": PASSAGE}
    assert [one.reason for one in found[0].gates][1] == "2 of 2: Fine."
    assert task(generator, birds, serial=1).values["passage"] == "Another."


def test_pairs_that_are_none_are_asked_for_once_more() -> None:
    birds = leaf("knowledge/science/birds", passages=(PASSAGE,))
    (found,) = made(Lab(), task(Lab(), birds), [{"pairs": ["a"]}, {"pairs": [{"question": "b"}]}])

    assert found.outcome is Outcome.UNREADABLE
    assert "list of objects with question and answer" in found.reason


def test_drafts_in_another_language_fail_alone() -> None:
    german = "Welche Stadt liegt am Meer und hat einen alten Leuchtturm auf einem Felsen?"
    english = "Which town lies at the sea and has an old lighthouse on top of a rock?"
    says = [{"questions": [german, english]}, verdict(1), "A town on the coast.", verdict(3)]

    assert told(made(Lab(), task(Lab()), says, language="en")) == [
        ("wrong language", ""),
        ("accepted", ""),
    ]


def test_verdicts_may_repeat_their_requirements() -> None:
    reason = (
        "It must be answerable in text alone, without pictures, links or a tool: it is. It is one "
        "or two sentences long, unless the task needs more: yes. It is safe and harms nobody."
    )
    says = [{"questions": ["What runs?"]}, verdict(1, reason), "Water.", verdict(3)]

    assert told(made(Lab(), task(Lab()), says)) == [("accepted", "")]


def test_how_many_requests_a_leaf_gets() -> None:
    generator = Lab(per_request=5)

    assert generator.requests(20, 0, 0) == 4
    assert generator.requests(20, 100, 50) == 8
    assert generator.requests(1, 100, 50) == 1
    assert generator.requests(6, 100, 50) == 3
    assert generator.requests(20, 100, 0) == 16
    assert generator.count(12) == 12
    assert Lab(leaves=" knowledge/a/, ,/b ").paths() == ["knowledge/a", "b"]
    assert Lab().paths() == []


def test_documents_are_cut_between_paragraphs() -> None:
    words = " ".join(f"word{number}" for number in range(25))
    document = f"One two three.\n\nFour five.\n \n{words}\n\n\nLast one."

    found = passages_of([document, "  ", "Alone."], words=10)

    assert found[0] == "One two three.\n\nFour five."
    assert [len(one.split()) for one in found] == [5, 10, 10, 7, 1]
    assert "".join(found).count("word") == 25
    assert Counter(" ".join(found).split()) == Counter(f"{document} Alone.".split())


def test_names() -> None:
    assert domain_of("compositional_skills/STEM/math/area") == "math/area"
    assert normal("  What IS “this”, then?") == "what is this then"
    assert task(Lab(), Leaf(1, FREE, "", (seed(1),))).values["task"] == "writing/riddles"
    with pytest.raises(ValueError, match="less than or equal"):
        Lab(least_pair=4)


def test_verdicts_are_the_judges_where_there_is_one() -> None:
    generator = Lab()
    talk = talk_of(generator, [{"questions": ["What runs?"]}, "Water."])
    verdicts = iter([verdict(1), verdict(3)])

    async def judge(_question: Question) -> Reply:
        return Reply(json.dumps(next(verdicts)), "stop", 7, 3, 0.1)

    talk.judge = judge
    found = finished(generator.made(task(generator), talk))

    assert told(found) == [("accepted", "")]
    assert (len(talk.replies), len(talk.judged), len(talk.questions)) == (2, 2, 4)


BIRDS = "knowledge/science/birds"


def test_a_share_of_the_requests_on_documents_asks_for_summaries_and_facts() -> None:
    tasks = [
        task(Lab(auxiliary=50), leaf(BIRDS, passages=(PASSAGE,)), serial=number)
        for number in range(36)
    ]

    kinds = Counter(one.values["auxiliary"] for one in tasks)
    assert kinds == {"": 18, "summary": 6, "extract": 6, "facts": 6}
    assert len({one.values["instruction"] for one in tasks}) == 1 + 9
    assert not any(task(Lab(), serial=number).values["auxiliary"] for number in range(9))


def auxiliary(serial: int) -> tuple[Lab, Task]:
    generator = Lab(auxiliary=100)
    return generator, task(generator, leaf(BIRDS, passages=(PASSAGE,)), serial)


def supported(word: str) -> dict[str, str]:
    return {"explanation": "Weighed.", "supported": word}


def test_a_summary_is_held_against_its_passage() -> None:
    generator, asks = auxiliary(0)

    (kept,) = made(generator, asks, ["A small bird that hides seeds.", supported("yes")])
    (lost,) = made(generator, asks, ["A large bird.", supported("no")])

    assert kept.draft is not None
    assert kept.draft.body == {
        "instruction": "Summarise this text in detail.",
        "input": PASSAGE,
        "output": "A small bird that hides seeds.",
    }
    assert kept.draft.parents == ()
    assert kept.draft.metadata["taxonomy"] == BIRDS
    assert told([kept, lost]) == [("accepted", ""), ("failed a gate", "faithful")]


def test_main_sentences_stand_in_the_passage_in_its_order() -> None:
    generator, asks = auxiliary(1)
    first, second = "The chickadee is a small bird.", "It hides seeds in autumn"

    (kept,) = made(generator, asks, [{"sentences": [second, f"1. {first}", first, ""]}])
    (lost,) = made(generator, asks, [{"sentences": [first, "It eats worms."]}])

    assert kept.draft is not None
    assert kept.draft.body["output"] == f"{first} {second}"
    assert told([kept, lost]) == [("accepted", ""), ("failed a gate", "word for word")]
    assert "It eats worms." in lost.gates[0].reason


def test_facts_are_a_list_that_the_passage_supports() -> None:
    generator, asks = auxiliary(2)

    (kept,) = made(generator, asks, [{"facts": ["- Chickadees are small."]}, supported("yes")])
    (empty,) = made(generator, asks, [{"facts": [" "]}])

    assert kept.draft is not None
    assert kept.draft.body["output"] == "- Chickadees are small."
    assert told([kept, empty]) == [("accepted", ""), ("unreadable", "")]


LONG = (
    "The chickadee spends the winter where it was hatched. In autumn it carries single seeds into "
    "the bark of old trees, under lichen, or between dry needles, and it never uses the same hole "
    "twice. Weeks later, when snow covers the ground, the bird returns to those places without "
    "searching. Experiments in aviaries have shown that memory, not smell, leads it there: whoever "
    "moved the seeds by a hand's width saw it look in vain. By night its body cools by 10 degrees, "
    "which saves a quarter of the fat that it gathered during the day, and before dawn it shivers "
    "until it is warm enough to fly."
)
MISSPELT = "".join(
    "x" if at % 30 == 7 and letter.isalpha() else letter for at, letter in enumerate(LONG)
).replace("memory", "mem- ory")


@pytest.mark.parametrize(
    ("reply", "used"),
    [
        (LONG, LONG),
        (LONG.replace("without searching", "and finds nothing at all there"), MISSPELT),
        ("Birds are nice, and here is quite another text about them.", MISSPELT),
        ("I'm sorry, but I can't help with that.", MISSPELT),
    ],
)
def test_mended_spelling_is_taken_where_it_is_no_other_text(reply: str, used: str) -> None:
    misspelt = leaf(BIRDS, passages=(MISSPELT,))
    generator = Lab(spelling=True)
    says = [reply, {"pairs": [{"question": "What is small?", "answer": "It."}]}, supported("no")]

    (found,) = made(generator, task(generator, misspelt), says)

    assert found.draft is not None
    assert found.draft.metadata["context"] == used
