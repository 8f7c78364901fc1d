"""Generators that ask a model: what passes their gates and what does not."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.curation.generators.base import Outcome, Task
from app.curation.generators.evolve import Evolve
from app.curation.generators.exercises import Exercises
from app.curation.generators.paraphrase import Paraphrase
from app.curation.generators.questions import Questions
from app.curation.generators.rephrase import STYLES, Rephrase
from app.curation.generators.self_instruct import SelfInstruct
from app.curation.generators.textbook import Textbook
from app.curation.generators.verifiable import Verifiable
from app.curation.ports import Finding, Question, Trial
from app.curation.records import Kind, Record
from app.curation.verifiers.base import Tools
from tests.curation.generators.replies import asked, made, one, text

TEN = ", ".join(f"topic {number}" for number in range(10))
FOUR = "a child, a pupil, a student, a researcher"


def test_every_cell_of_the_grid_is_asked_once_before_any_is_asked_again() -> None:
    generator = Textbook(topics=TEN, audiences=FOUR, per_cell=2)

    tasks = list(generator.tasks(iter(())))

    assert generator.count(0) == len(tasks) == 80
    cells = [(one.values["topic"], one.values["audience"]) for one in tasks]
    assert len(set(cells[:40])) == 40
    assert set(Counter(cells).values()) == {2}
    drawn = [one.values["words"] for one in tasks]
    assert all(len(words.split(", ")) == 3 for words in drawn)
    assert len(set(drawn)) > 40
    assert next(generator.tasks(iter(()), 7)) == tasks[7]
    with pytest.raises(ValueError, match="it names nothing"):
        Textbook(topics=" , ")


def test_words_that_are_drawn_make_sections_differ() -> None:
    """A control without them has fewer different runs of three words."""

    def written(words: int) -> float:
        generator = Textbook(topics=TEN, audiences=FOUR, words=words, length=30)
        said: list[str] = []
        for task in generator.tasks(iter(())):
            told = f"{task.values['topic']} {task.values['words']} as {task.values['audience']} "
            found = one(generator, task, [told * 4])
            assert found.outcome is Outcome.ACCEPTED
            assert found.draft is not None
            said += found.draft.body["text"].split()
        runs = list(zip(said, said[1:], said[2:], strict=False))
        return len(set(runs)) / len(runs)

    assert written(3) > 2 * written(0)


def test_a_section_without_its_words_or_too_short_fails() -> None:
    generator = Textbook(length=40)
    task = Task(0, values={"topic": "t", "audience": "a", "words": "river, bridge"})

    assert one(generator, task, ["The river " * 10]).reason == "It lacks bridge."
    assert one(generator, task, ["A river bridge."]).failed_gate == "length"
    assert one(generator, task, ["Rivers and a bridge. " * 9]).outcome is Outcome.ACCEPTED


def test_sections_below_the_floor_of_reasoning_fail_and_the_rest_reason_densely() -> None:
    generator = Textbook(length=30, reasoning=3)
    task = Task(0, values={"topic": "t", "audience": "a", "words": ""})
    dense = "Therefore x = 2, because y = 4 implies it; hence the proof follows if x > 1. " * 3
    plain = "The garden was green and the river was quiet on that long afternoon in town. " * 3

    found = [one(generator, task, [text]) for text in (dense, plain, "Yes. " * 3 + "No. " * 5)]

    assert [one.failed_gate for one in found] == ["", "reasoning density", "reasoning density"]
    taken = [one for one in found if one.outcome is Outcome.ACCEPTED]
    assert all(float(one.gates[-1].reason.split()[0]) >= 3 for one in taken)


GOOD = {
    "signature": "def count_words(text):",
    "docstring": "How many words a text has.",
    "solution": "    found = text.split()\n    return len(found)",
    "tests": "assert count_words('a b') == 2",
}


class Box:
    """A sandbox for trusted tests of tests: it runs what it is given, here."""

    def check(self, trial: Trial) -> Finding:
        names: dict[str, Any] = {}
        try:
            exec(trial.program + "\n" + trial.tests, names)
        except AssertionError:
            return Finding(False, "A test failed.", 1)
        return Finding(True, "", 1)


def exercise(**changed: str) -> Any:
    task = Task(0, values={"skill": "strings", "difficulty": "easy", "name": "count_words"})
    return one(Exercises(), task, [{**GOOD, **changed}], tools=Tools(sandbox=Box()))


def test_an_exercise_that_passes_its_tests_is_taken() -> None:
    found = exercise()

    assert (found.outcome, found.reason) == (Outcome.ACCEPTED, "")
    assert found.draft.kind is Kind.COMPLETION
    assert [gate.name for gate in found.gates][-1] == "tests pass"
    unindented = exercise(solution="found = text.split()\n\nreturn len(found)")
    assert unindented.outcome is Outcome.ACCEPTED


@pytest.mark.parametrize(
    ("changed", "gate"),
    [
        ({"solution": "    return ("}, "parses"),
        ({"signature": "def other(text):"}, "function name"),
        ({"solution": "    return len(text.split())"}, "not trivial"),
        (
            {"solution": "    import numpy as np\n    from requests import get\n    return np"},
            "standard library",
        ),
        ({"solution": "    from . import x\n    import os.path\n    return 1"}, "standard library"),
        ({"tests": "print(1)"}, "has tests"),
        ({"tests": "assert count_words('a b') == 3"}, "tests pass"),
    ],
)
def test_an_exercise_that_is_wrong_fails_where_it_is(changed: dict[str, str], gate: str) -> None:
    assert exercise(**changed).failed_gate == gate


def test_exercises_are_spread_over_skills_under_names_of_their_own() -> None:
    generator = Exercises(skills="a, b", difficulties="", exercises=8)

    tasks = list(generator.tasks(iter(())))

    assert generator.count(0) == 8
    assert Counter(one.values["skill"] for one in tasks) == {"a": 4, "b": 4}
    assert len({one.values["name"] for one in tasks}) > 6
    assert list(generator.tasks(iter(()), 6)) == tasks[6:]


ORIGINAL = "Every year about 1,200 visitors come to see how Marie Curie worked in her laboratory."
KEPT = "To see the laboratory in which Marie Curie worked, 1,200 visitors or so come every year."


@pytest.mark.parametrize(
    ("said", "gate"),
    [
        (KEPT, ""),
        (KEPT.replace("1,200", "1,300"), "numbers kept"),
        (KEPT.replace("Marie Curie", "Lise Meitner"), "names kept"),
        (KEPT.replace("Marie Curie", "she"), "names kept"),
        (ORIGINAL, "no copy"),
        (ORIGINAL.replace("Every", "Each"), "differs"),
        ("Marie Curie lived at 1,200 metres, and had two cats of great size.", "same meaning"),
    ],
)
def test_paraphrases_keep_numbers_and_names_and_are_no_copies(said: str, gate: str) -> None:
    said = f"In fact, t{said[1:]}" if gate in {"", "names kept", "numbers kept"} else said

    found = one(Paraphrase(farthest=0.4), Task(0, (text(ORIGINAL, domain="history"),)), [said])

    assert found.failed_gate == gate
    assert found.draft is not None
    assert (found.draft.parents, found.draft.domain) == ((1,), "history")


class Letters:
    """Vectors of how often each letter stands in a text."""

    fingerprint, width = "letters", 26

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        counts = [[one.lower().count(chr(97 + at)) for at in range(26)] for one in texts]
        found = np.array(counts, np.float32)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def test_paraphrases_by_embedding_and_of_questions() -> None:
    generator = Paraphrase(by="embedding", farthest=0.8, children=2)
    seed = asked("How do I boil an egg so that it stays soft?", "Four minutes.")
    says = ["To get a soft egg, for how long do I boil it?", "Zzz zzz zzz?"]

    found = made(generator, Task(0, (seed,)), says, tools=Tools(embedder=Letters()))

    assert [one.failed_gate for one in found] == ["", "same meaning"]
    assert found[0].draft is not None
    assert found[0].draft.body == {**seed.body, "instruction": says[0]}


def rewritten(number: int, how: str) -> Any:
    """A rewrite: good, with an answer that no solution reaches, or whose answer is no number."""
    problem = f"A garden has {number + 3} rows of 7 trees each. How many trees stand in the garden?"
    answer = {"good": str(7 * (number + 3)), "wrong": "999", "words": "many trees"}[how]
    seed = asked("Prove how the number of trees of a garden with rows is found.", "By counting.")
    rewrite = {"problem": problem, "answer": answer, "why_equivalent": "The same counting."}

    def says(question: Question) -> str:
        if "Solve it" in question.messages[1].content:
            return f"There are {number + 3} times 7.\n#### {7 * (number + 3)}"
        return json.dumps(rewrite)

    return one(Verifiable(), Task(number, (seed,)), says)


def test_of_ten_good_ten_wrong_and_ten_without_numbers_ten_are_taken() -> None:
    found = {how: [rewritten(n, how) for n in range(10)] for how in ("good", "wrong", "words")}

    gates = {how: {one.failed_gate for one in some} for how, some in found.items()}
    assert gates == {"good": {""}, "wrong": {"solved alike"}, "words": {"numeric answer"}}
    draft = found["good"][0].draft
    assert (draft.metadata["answer"], draft.parents) == ("21", (1,))
    assert draft.body["output"].endswith("#### 21")


def test_rewrites_that_copy_drift_or_give_the_answer_away_fail() -> None:
    seed = asked("How many trees stand in a garden with 3 rows of 7 trees?")

    def gate(problem: str, answer: str) -> str:
        rewrite = {"problem": problem, "answer": answer, "why_equivalent": "w"}
        return one(Verifiable(), Task(0, (seed,)), [rewrite]).failed_gate

    assert gate(seed.body["instruction"], "21") == "no copy"
    assert gate("What does a ship weigh that sails at dawn?", "21") == "same matter"
    assert gate("A garden has 21 trees. How many?", "21") == "answer not given away"


DOCUMENT = (
    "The lighthouse of Genoa was built in 1543. It is 76 metres high. Fishermen used its light to "
    "find the harbour at night."
)


@pytest.mark.parametrize(
    ("question", "answer", "judged", "gate"),
    [
        ("How high is the lighthouse of Genoa?", "It is 76 metres high.", "yes", ""),
        ("How high is the lighthouse of Genoa?", "It is 77 metres high.", "yes", "grounded"),
        ("How high is it according to the document?", "It is 76 metres high.", "", "stands alone"),
        ("When was it built?", "It was built in 1543.", "no", "faithful"),
    ],
)
def test_answers_must_stand_in_their_document(
    question: str, answer: str, judged: str, gate: str
) -> None:
    verdict = {"explanation": "It says so, or not.", "supported": judged}
    says = [{"question": question, "answer": answer}, verdict]

    found = one(Questions(), Task(0, (text(DOCUMENT),)), says)

    assert found.failed_gate == gate
    assert found.draft is not None
    assert found.draft.metadata["context"] == DOCUMENT


@pytest.mark.parametrize(
    ("said", "gate"),
    [
        ("In 1543 Genoa built a lighthouse, 76 metres high. It showed fishermen the harbour.", ""),
        ("In 1544 Genoa built a lighthouse, 76 metres high.", "no new numbers"),
        ("Many ships carried spices, silk and grain over oceans.", "same matter"),
        ("A lighthouse.", "length"),
        (DOCUMENT.replace(" ", "  "), "no copy"),
    ],
)
def test_web_text_is_told_anew_without_inventing(said: str, gate: str) -> None:
    generator = Rephrase(style="hard")
    (task,) = generator.tasks(iter([text(DOCUMENT)]), 3)

    found = one(generator, task, [said])

    assert (task.number, found.failed_gate) == (3, gate)
    assert found.draft is not None
    assert found.draft.relation == "rephrased: hard"


def test_all_styles_are_taken_in_turn() -> None:
    tasks = Rephrase().tasks(text(str(number)) for number in range(8))

    assert Counter(one.values["style"] for one in tasks) == dict.fromkeys(STYLES, 2)


def test_the_faithfulness_gate_can_be_left_out() -> None:
    pair = {"question": "How high is it?", "answer": "It is 76 metres high."}

    found = made(Questions(judge=False, per_document=2), Task(0, (text(DOCUMENT),)), [pair, pair])

    assert [one.outcome for one in found] == [Outcome.ACCEPTED] * 2


ANSWER = "Use a hash table, since lookups take constant time on average, and explain why."


@pytest.mark.parametrize(
    ("new", "answer", "gate"),
    [
        ("Sort a list of numbers in place without any library, and prove it.", ANSWER, ""),
        ("Sort a list of numbers as in the given prompt, and prove it.", "", "no jargon"),
        ("Sort a list of numbers!", "", "says something new"),
        ("Sort a list " + "and compare strange things " * 20, "", "length"),
        ("Sort a list of numbers without comparing any.", "Sorry, not possible.", "answered"),
        ("Sort a list of numbers without comparing any.", "...", "has words"),
    ],
)
def test_evolved_instructions_are_eliminated_by_the_rules(new: str, answer: str, gate: str) -> None:
    generator = Evolve(longest=20, operators="constraint")
    (task,) = generator.tasks(iter([asked("Sort a list of numbers.")]), 4)
    assert (task.number, task.values) == (4, {"operator": "constraint"})

    found = one(generator, task, [new, answer])

    assert found.failed_gate == gate
    assert found.draft is not None
    assert found.draft.relation == "evolved: constraint"


def test_operators_are_drawn_alike_often() -> None:
    seeds = [asked(str(number)) for number in range(600)]

    drawn = Counter(one.values["operator"] for one in Evolve().tasks(iter(seeds)))

    assert len(drawn) == 6
    assert min(drawn.values()) > 70


def test_self_instruct_shows_eight_seeds_and_takes_new_tasks_of_text() -> None:
    generator = SelfInstruct(instructions=3)
    seeds = [asked(f"Task number {number}", id=number) for number in range(20)]
    tasks = list(generator.tasks(iter(seeds)))
    assert generator.count(20) == 3
    assert generator.count(0) == 0
    assert generator.novelty() == 0.7
    assert [len(one.seeds) for one in tasks] == [8, 8, 8]
    assert list(generator.tasks(iter(()))) == []

    def gate(instruction: str, output: str = "Done.") -> str:
        return one(
            generator, tasks[0], [{"instruction": instruction, "output": output}]
        ).failed_gate

    assert gate("Name three rivers of Europe.") == ""
    assert gate("Go.") == "length"
    assert gate("Describe the picture above in words.") == "text alone"
    assert gate("Name three rivers.", "name three rivers.") == "answered"


def test_a_completion_is_no_seed_of_paraphrases() -> None:
    assert Kind.COMPLETION not in Paraphrase.kinds
    assert Record(Kind.TEXT, {"text": ""}).id == 0
