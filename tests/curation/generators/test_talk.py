"""Replies are read strictly, prompts are fenced, and what is known is told from what is new."""

import pytest

from app.curation.batches import judged
from app.curation.catalog import GENERATORS
from app.curation.generators.base import Asking, Draft, Gate, Made, Outcome, Task, settled
from app.curation.generators.nearness import Pool, Seen
from app.curation.generators.paraphrase import Paraphrase
from app.curation.generators.prompts import Prompt
from app.curation.generators.questions import Questions
from app.curation.generators.talk import DiscardError, Talk, unwrapped
from app.curation.ports import Reply
from app.curation.records import Kind
from app.curation.text.objects import last_object
from app.llm.running import finished
from tests.curation.generators.replies import asked, one, talk_of, text

PAIR = {"question": "q", "answer": "a"}
NAMES = {"question": "string", "answer": "string"}


def fields(*says: object) -> dict[str, object]:
    talk = talk_of(Questions(), says)
    return finished(talk.fields("ask", {"document": "d", "number": "1"}, NAMES))


@pytest.mark.parametrize(
    "said",
    [
        '{"question": "q", "answer": "a"}',
        'Sure!\n```json\n{"question": "q", "answer": "a"}\n```\nI hope that helps.',
        'Say {x}: {"question": "q", "answer": "a"}',
    ],
)
def test_an_object_is_found_whatever_stands_around_it(said: str) -> None:
    assert fields(said) == PAIR


def test_what_is_not_readable_is_asked_for_once_more() -> None:
    talk = talk_of(Questions(), ["Nonsense it is.", PAIR])

    found = finished(talk.fields("ask", {"document": "d"}, NAMES))

    assert found == PAIR
    assert "no JSON object" in talk.questions[1].messages[-1].content
    assert talk.questions[1].messages[-2].content == "Nonsense it is."
    assert len(talk.replies) == 2


@pytest.mark.parametrize(
    ("says", "outcome", "reason"),
    [
        (("no", "no"), "unreadable", "no JSON object"),
        (({"question": "q"}, {"question": "q"}), "unreadable", "lacks answer"),
        (
            ({**PAIR, "answer": ["a"]}, {**PAIR, "answer": ["a"]}),
            "unreadable",
            "of the type string",
        ),
        (("",), "unreadable", "is empty"),
        (("I'm sorry, but I can't help with that.",), "refused", "sorry"),
        (({**PAIR, "answer": "I'm sorry, but I can't help with that."},), "refused", "sorry"),
        ((Reply('{"question"', "length", 9, 9, 0.1),), "cut off", "unfinished"),
    ],
)
def test_what_is_of_no_use_is_told(says: tuple[object, ...], outcome: str, reason: str) -> None:
    with pytest.raises(DiscardError, match=reason) as raised:
        fields(*says)

    assert raised.value.outcome == outcome


def test_the_prompt_itself_is_no_text() -> None:
    generator = Paraphrase()
    said = generator.prompts[0].system

    found = one(generator, Task(0, (text("Some text of no meaning."),)), [said])

    assert found.outcome is Outcome.ECHO


def test_another_language_is_told_where_one_is_asked_for() -> None:
    german = "Der alte Leuchtturm steht seit vielen Jahren am Meer und leuchtet jede Nacht."
    talk = talk_of(Paraphrase(), [], language="en")

    talk.must_be_in_language("Kurz.")
    talk.must_be_in_language("The lighthouse has stood by the sea for many years, and it shines.")
    with pytest.raises(DiscardError, match="in `de`, not in `en`"):
        talk.must_be_in_language(german)
    talk_of(Paraphrase(), []).must_be_in_language(german)


@pytest.mark.parametrize(
    ("said", "text_"),
    [
        ('"Quoted."', "Quoted."),
        ("```\nfenced\n```", "fenced"),
        ('"One" and "two"', '"One" and "two"'),
        ('"', '"'),
        ("```a\nb\n```\n```c\nd\n```", "```a\nb\n```\n```c\nd\n```"),
    ],
)
def test_what_models_put_around_a_text_is_taken_off(said: str, text_: str) -> None:
    assert unwrapped(said) == text_


def test_an_object_among_too_many_beginnings_is_not_looked_for_forever() -> None:
    assert last_object("{" * 600 + '{"a": 1}') is None
    assert last_object('{"a": 1} [1]') == {"a": 1}


def test_texts_of_others_stand_between_fences_and_open_no_place() -> None:
    prompt = Prompt(
        name="p", title="P", system="S", user="{{text}} {{kind}}", needs=("text",), data=("text",)
    )

    system, user = prompt.messages({"text": "Ignore {{kind}}!", "kind": "k"})
    fence = user.content.split("\n")[0]

    assert user.content == f"{fence}\nIgnore {{{{kind}}}}!\n{fence} k"
    assert fence.startswith("DATA ")
    assert f"that say {fence}" in system.content
    assert prompt.messages({})[0].content == "S"
    assert prompt.problems() == ["There is no {{kind}}; there are: {{text}}."]
    assert Prompt(name="p", title="P", system="", user="x").problems() == []
    assert prompt.model_copy(update={"user": "x"}).problems() == ["It lacks the place {{text}}."]
    assert len(prompt.hash) == 64
    bare = Prompt(name="p", title="P", system="", user="{{x}}")
    assert bare.problems() == ["There is no {{x}}; there are: none."]


@pytest.mark.parametrize("key", GENERATORS)
def test_every_prompt_has_its_places(key: str) -> None:
    method = GENERATORS[key]
    if issubclass(method, Asking):
        assert [one.problems() for one in method.prompts] == [[]] * len(method.prompts)
        assert method().makes()


def test_a_draft_stands_or_falls_with_its_gates() -> None:

    draft = Draft(Kind.TEXT, {"text": "t"})
    good, bad = Gate("a", True, "Fine."), Gate("b", False, "Not so.")

    assert settled(draft, [good]).failed_gate == ""
    failed = settled(draft, [good, bad])
    assert (failed.outcome, failed.failed_gate, failed.reason) == (Outcome.GATE, "b", "Not so.")


def test_no_draft_at_all_is_a_line_too() -> None:
    class Silent(Paraphrase):
        """Says nothing."""

        async def make(self, task: Task, talk: Talk) -> list[Made]:  # noqa: ARG002
            return []

    assert one(Silent(), Task(0), []).outcome is Outcome.UNREADABLE
    assert Silent().novelty() == 0
    assert [task.number for task in Silent().tasks(iter([text("a")]), 5)] == [5]
    assert Silent().count(3) == 3


STORY = "the keeper of the old lighthouse climbed the stairs every evening to light the lamp " * 3


def test_what_is_near_to_what_there_is_is_seen() -> None:
    seen = Seen()
    seen.add([text(STORY, id=7), text("", id=8)])

    near = seen.near(text(STORY + "again", id=0))
    assert near is not None
    assert near[0] == 7
    assert near[1] >= 0.8
    assert seen.near(text(STORY + "again"), apart_from=(7,)) is None
    assert seen.near(text("")) is None
    assert seen.near(text("something else that nobody has ever said in this place before")) is None
    assert Seen().near(text(STORY)) is None
    seen.add([text("")])
    seen.learn(text(""))
    seen.learn(text(STORY, id=0))
    assert seen.near(text(STORY), apart_from=(7,)) == (0, 1.0)
    late = text("A baker lights the oven at four and sings until the bread is out", id=9)
    seen.learn(late)
    assert seen.near(late) == (9, 1.0)
    assert seen.near(late, apart_from=(9,)) is None


def test_questions_are_alike_by_their_longest_common_subsequence() -> None:
    pool = Pool()
    pool.add("write a poem about the sea")
    pool.add("list three fruits")

    assert pool.nearest("write a poem about the hills", 0.7) == pytest.approx(10 / 12)
    assert pool.nearest("sea the about poem a write", 0.7) == 0
    assert pool.nearest("write a poem about the sea", 0.7) == 1
    assert pool.nearest("", 0.7) == 0
    pool.add("write a poem about the hills")
    assert pool.nearest("write a poem about the hills", 0.7) == 1  # the sea can be no nearer


def test_how_a_batch_stands() -> None:
    assert judged(0, 0, 0, 0, 0.1).standing == "none"
    assert judged(100, 20, 0, 0, 0.1).standing == "open"
    assert judged(100, 20, 20, 3, 0.1).standing == "blocked"
    assert judged(100, 20, 10, 8, 0.1).standing == "blocked"
    assert judged(100, 40, 40, 0, 0.1).standing == "passed"
    assert judged(10, 10, 10, 1, 0.1).standing == "passed"
    assert judged(1000, 20, 20, 1, 0.1).more == 33
    assert asked("a").kind
