"""Generators that go on from what people wrote: personas, back-translation, reversal, steps."""

from typing import Any

import pytest

from app.curation.generators.back_translation import BackTranslation
from app.curation.generators.base import Outcome, Task
from app.curation.generators.persona import Persona
from app.curation.generators.reversal import Reversal
from app.curation.generators.revise import Revise
from app.curation.generators.steps import Steps
from app.curation.ports import Question
from app.curation.records import Kind, Record
from tests.curation.generators.replies import asked, made, one, text

NURSE = "A night nurse in a small hospital who plans shifts and has little time to read."


@pytest.mark.parametrize(
    ("persona", "instruction", "output", "gate"),
    [
        (NURSE, "Plan three night shifts for four people.", "Monday: Ada and Bo.", ""),
        ("A nurse.", "", "", "persona"),
        (NURSE, "As this persona, plan three night shifts.", "Monday.", "stands alone"),
        (NURSE, "Plan.", "Monday: Ada.", "length"),
        (NURSE, "Plan three night shifts.", "plan three night shifts.", "answered"),
    ],
)
def test_a_persona_brings_a_task_of_its_own(
    persona: str, instruction: str, output: str, gate: str
) -> None:
    generator, seed = Persona(), text("Wards are quiet at night.", language="en")

    found = one(
        generator, Task(0, (seed,)), [persona, {"instruction": instruction, "output": output}]
    )

    assert found.failed_gate == gate
    assert found.draft is not None
    assert (found.draft.parents, found.draft.metadata["persona"]) == ((1,), persona)


def test_personas_are_told_apart_by_what_they_are() -> None:
    sample = asked("Plan shifts.", metadata={"persona": NURSE})

    assert Persona(rouge_l=0.6).novelty() == 0.6
    assert Persona().told_apart_by(sample) == NURSE
    assert Persona().told_apart_by(asked("Plan shifts.")) == ""


HUMAN = "Boil the egg for four minutes, then cool it in water so that the yolk stays soft."


@pytest.mark.parametrize(
    ("instruction", "score", "gate"),
    [
        ("How do I get a soft breakfast egg?", 5, ""),
        ("How do I get a soft breakfast egg?", 4, "curated"),
        ("How do I get a soft breakfast egg?", 50, "curated"),
        ("Say: " + HUMAN, 5, "answer not given away"),
        ("Please " * 200, 5, "length"),
    ],
)
def test_texts_of_people_get_the_instruction_that_they_answer(
    instruction: str, score: float, gate: str
) -> None:
    says = [instruction, {"explanation": "Clear and complete.", "score": score}]

    found = one(BackTranslation(), Task(0, (text(HUMAN),)), says)

    assert found.failed_gate == gate
    assert found.draft is not None
    assert found.draft.body == {"instruction": instruction.strip(), "input": "", "output": HUMAN}


def test_a_text_too_long_to_be_an_answer_costs_no_question() -> None:
    assert one(BackTranslation(most=20), Task(0, (text("word " * 21),)), []).failed_gate == (
        "length of the text"
    )


PROGRAM = """\
def widest(words):
    best = ""
    for word in words:
        if len(word) > len(best):
            best = word
    return best
"""
RENAMED = PROGRAM.replace("best", "longest").replace("words", "items").replace("word", "item")
REQUEST = "Write a function widest that takes words and returns the longest, the first of equals."


@pytest.mark.parametrize(
    ("request_", "written", "gate"),
    [
        (REQUEST, f"```python\n{RENAMED}```", ""),
        (REQUEST, RENAMED, ""),
        (REQUEST, "```python\nprint('hello')\n```", "brings it back"),
        (REQUEST, "```python\ndef (\n```", "brings it back"),
        (REQUEST, "```python\nimport os\n```", "brings it back"),
        ("Longest word?", "", "length"),
        (REQUEST + "\n        if len(word) > len(best):", "", "shows no code"),
    ],
)
def test_a_request_must_bring_its_program_back(request_: str, written: str, gate: str) -> None:
    found = one(Reversal(), Task(0, (text(PROGRAM),)), [request_, written])

    assert found.failed_gate == gate
    assert found.draft is not None
    assert found.draft.body["output"].startswith("```python\ndef widest(words):")


@pytest.mark.parametrize("content", ["No program at all.", "def one():\n    return 1\n"])
def test_what_holds_no_program_costs_no_question(content: str) -> None:
    assert one(Reversal(), Task(0, (text(content),)), []).failed_gate == "a program"


def traced(number: int, wrong: int) -> Any:
    """A trace of five right equations; the one with the number `wrong` is off by one."""
    lines = [
        f"Pack {place} has {number} + {place} = {number + place + (place == wrong)} pens."
        for place in range(1, 6)
    ]
    seed = asked("How many pens are in the last pack?", f"#### {number + 5}")
    return one(Steps(), Task(number, (seed,)), [{"steps": lines, "final": str(number + 5)}])


def test_the_wrong_step_is_named_in_twenty_of_twenty_traces() -> None:
    found = [(1 + n % 5, traced(n + 2, 1 + n % 5)) for n in range(20)]

    assert [one.failed_gate for _, one in found] == ["arithmetic"] * 20
    assert [one.reason.startswith(f"Step {wrong}:") for wrong, one in found] == [True] * 20
    right = traced(7, 0)
    assert right.outcome is Outcome.ACCEPTED
    assert right.draft.body["output"].endswith("5. Pack 5 has 7 + 5 = 12 pens.\n#### 12")


@pytest.mark.parametrize(
    ("seed", "steps", "final", "gate"),
    [
        (asked("2 + 3?", "It is 5."), ["2 + 3 = 5"], "5", "steps"),
        (asked("2 + 3?", "It is 5."), ["Take 2.", "2 + 3 = 5"], "six", "arrives"),
        (asked("2 + 3?", "It is 5."), ["Take 2.", "2 + 3 = 5"], "6", "arrives"),
        (asked("2 + 3?"), ["Take 2.", "2 + 3 = 5"], "5", "arrives"),
        (asked("Root?", r"The answer is $\sqrt{8}$."), ["Take 8.", "Root."], r"$2\sqrt{2}$", ""),
        (asked("2 + 3?", "It is 5."), ["Take 2.", "2 + 3 = 5"], "5.0", ""),
    ],
)
def test_steps_arrive_at_the_answer_of_their_seed(
    seed: Record, steps: list[str], final: str, gate: str
) -> None:
    found = one(Steps(), Task(0, (seed,)), [{"steps": steps, "final": final}])

    assert found.failed_gate == gate


def test_steps_can_be_held_to_a_field_and_must_say_something() -> None:
    seed = asked("2 + 3?", "I don't know.", metadata={"answer": "5"})
    task, generator = Task(0, (seed,)), Steps(reference="metadata.answer")

    said = {"steps": ["Take 2.", "2 + 3 = 5"], "final": "5"}
    assert one(generator, task, [said]).outcome is Outcome.ACCEPTED
    assert one(generator, task, [{**said, "steps": ["Take 2.", " "]}]).outcome is (
        Outcome.UNREADABLE
    )


OLD = "Paris is the capital of Germany and a large town."
NEW = "Paris is the capital of France, with some two million people."


def judged(old: float, new: float) -> Any:
    """A judge that knows the answers by their words, whichever stands first."""

    def says(question: Question) -> str:
        told = question.messages[1].content
        if "Answer A" not in told:
            return NEW if "The critique" in told else "1. Paris is not in Germany."
        first = (new, old) if told.index(NEW) < told.index(OLD) else (old, new)
        return f'{{"explanation": "Faults.", "a": {first[0]}, "b": {first[1]}}}'

    return says


@pytest.mark.parametrize(
    ("old", "new", "gate"), [(3, 8, ""), (8, 3, "better"), (7, 7, "better"), (7, 7.5, "better")]
)
def test_revisions_are_kept_where_they_are_better(old: float, new: float, gate: str) -> None:
    seed = asked("What is Paris?", OLD)

    found = one(Revise(rounds=1), Task(0, (seed,)), judged(old, new))

    assert found.failed_gate == gate
    assert found.draft is not None
    assert found.draft.body["output"] == NEW
    assert found.draft.metadata == {"critiques": ["1. Paris is not in Germany."], "rounds": 1}
    assert found.gates[-1].reason.startswith(f"Graded {new:g} after {old:g};")


def test_both_orders_of_a_comparison_are_read_right() -> None:
    """Which answer stands first is drawn by its text: over many, both orders occur."""
    orders = set()
    for number in range(12):
        seen: list[str] = []

        def says(question: Question, number: int = number, seen: list[str] = seen) -> str:
            told = question.messages[1].content
            if "Answer A" not in told:
                return f"New {number}." if "The critique" in told else "Say more."
            seen.append("new first" if told.index("New ") < told.index("Old.") else "old first")
            a, b = (9, 2) if seen[-1] == "new first" else (2, 9)
            return f'{{"explanation": "e", "a": {a}, "b": {b}}}'

        found = one(Revise(rounds=1), Task(number, (asked("Which?", "Old."),)), says)
        assert found.outcome is Outcome.ACCEPTED
        orders.update(seen)
    assert orders == {"new first", "old first"}


def test_an_answer_with_nothing_to_mend_or_none_at_all_makes_no_sample() -> None:
    seed = asked("What is Paris?", NEW)
    silent = Record(Kind.CHAT, {"messages": [{"role": "user", "content": "Hi"}]}, id=2)

    assert one(Revise(), Task(0, (seed,)), ["Nothing to mend."]).failed_gate == "changed"
    assert made(Revise(), Task(0, (silent,)), [])[0].failed_gate == "has an answer"
