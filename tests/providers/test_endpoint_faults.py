"""Endpoints that refuse, break off, talk nonsense or too much: what is tried, what is said."""

import asyncio
import json
import time
from collections.abc import Callable

import pytest

from app.curation.ports import Message, ModelError, Question, Reply
from app.llm.running import finished
from app.providers import openai_chat
from app.providers.openai_chat import Endpoint, OpenAIChat
from tests.endpoint import Answer, Json, serving

QUESTION = Question((Message("user", "Are you there?"),))
GOOD = Answer("Yes.")
KEY = "sk-secret"


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_chat, "_FIRST_PAUSE_S", 0.01)


def ask(url: str, count: int = 1, *, timeout: float = 5.0) -> list[Reply | BaseException]:
    async def all_of_them() -> list[Reply | BaseException]:
        model = OpenAIChat(Endpoint(url, "tiny", KEY, timeout_s=timeout))
        try:
            questions = (model.ask(QUESTION) for _ in range(count))
            return await asyncio.gather(*questions, return_exceptions=True)
        finally:
            await model.close()

    return finished(all_of_them())


def first(*answers: Answer) -> Callable[[Json], Answer]:
    """These answers in order, then good ones."""
    left = list(answers)
    return lambda _: left.pop(0) if left else GOOD


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=429, body=b"{}"),
        Answer(status=429, body=b"{}", headers={"retry-after": "soon"}),
        Answer(status=500, body=b"oh no"),
        Answer(status=503, body=b""),
        Answer("A whole reply.", cut=True),
        Answer(body=b"{not json"),
        Answer(body=b'{"choices": []}'),
        Answer(body=b"[]"),
    ],
)
def test_what_may_pass_is_asked_again(answer: Answer) -> None:
    with serving(first(answer, answer)) as endpoint:
        (found,) = ask(endpoint.url)

    assert isinstance(found, Reply), found
    assert found.text == "Yes."
    assert len(endpoint.requests) == 3


def test_it_waits_as_long_as_it_is_told_and_so_do_the_other_questions() -> None:
    seen: list[float] = []

    def answer(_: Json) -> Answer:
        seen.append(time.monotonic())
        if len(seen) == 1:
            return Answer(status=429, body=b"{}", headers={"retry-after": "0.6"})
        return GOOD

    with serving(answer) as endpoint:

        async def one_then_another() -> None:
            model = OpenAIChat(Endpoint(endpoint.url, "tiny"))
            held = asyncio.create_task(model.ask(QUESTION))
            await asyncio.sleep(0.2)
            await asyncio.gather(held, model.ask(QUESTION))
            await model.close()

        finished(one_then_another())

    assert len(seen) == 3
    assert min(seen[1:]) - seen[0] >= 0.55


@pytest.mark.parametrize(
    ("answer", "asked", "words"),
    [
        (Answer(status=500, body=b"{}"), 6, "answered 500 6 times"),
        (Answer(status=429, body=b'{"error": {"message": "slow"}}'), 6, "429 6 times: slow"),
        (Answer("A whole reply.", cut=True), 6, "can't be reached 6 times"),
        (Answer(body=b"<html>"), 6, "something that is no reply: Expecting value"),
        (Answer("x" * 2**20), 1, "longer than 256 KiB"),
        (Answer(status=401, body=b'{"error": "no such key"}'), 1, "refused the key (401"),
        (Answer(status=404, body=b"{}"), 1, "does not know the model tiny"),
        (Answer(status=400, body=b'{"error": {"message": "too long"}}'), 1, "400: too long"),
    ],
)
def test_what_does_not_pass_is_said_without_the_key(answer: Answer, asked: int, words: str) -> None:
    with serving(lambda _: answer) as endpoint:
        (found,) = ask(endpoint.url)

    assert isinstance(found, ModelError), found
    assert words in str(found)
    assert KEY not in str(found)
    assert len(endpoint.requests) == asked
    assert found.answered == (asked if "no reply" in words or "longer" in words else 0)


def test_a_reply_that_does_not_come_is_not_waited_for_longer_than_allowed() -> None:
    slow = Answer("Late.", delay=3.0)
    with serving(lambda _: slow) as endpoint:

        async def twice() -> None:
            model = OpenAIChat(Endpoint(endpoint.url, "tiny", timeout_s=0.2), tries=2)
            try:
                await model.ask(QUESTION)
            finally:
                await model.close()

        with pytest.raises(ModelError, match=r"did not answer within 0.2 s 2 times"):
            finished(twice())


def test_an_endpoint_that_knows_no_schemas_is_asked_without() -> None:
    def answer(request: Json) -> Answer:
        return Answer(status=400, body=b"{}") if "response_format" in request else GOOD

    with serving(answer) as endpoint:

        async def twice() -> list[Reply]:
            model = OpenAIChat(Endpoint(endpoint.url, "tiny"))
            asked = Question(QUESTION.messages, schema={"type": "object"})
            found = [await model.ask(asked), await model.ask(asked)]
            await model.close()
            return found

        assert [one.text for one in finished(twice())] == ["Yes.", "Yes."]
        assert ["response_format" in one for one in endpoint.requests] == [True, False, False]


def test_a_model_that_wants_its_limit_named_otherwise_is_asked_so() -> None:
    def picky(request: Json) -> Answer:
        if "max_tokens" in request:
            return refused("Unsupported: use 'max_completion_tokens' instead.")
        if "temperature" in request:
            return refused("temperature does not support 0")
        return GOOD

    with serving(picky) as endpoint:
        found = questions(endpoint.url, ["hello", "again"])

    assert [one.text for one in found if isinstance(one, Reply)] == ["Yes.", "Yes."]
    assert len(endpoint.requests) == 4
    assert endpoint.requests[-1]["max_completion_tokens"] == 512


def test_a_text_that_is_too_long_takes_no_schema_from_the_others() -> None:
    def short(request: Json) -> Answer:
        long = len(request["messages"][-1]["content"]) > 100
        return refused("maximum context length exceeded") if long else GOOD

    with serving(short) as endpoint:
        found = questions(endpoint.url, ["x" * 200, "short"])

    assert [isinstance(one, Reply) for one in found] == [False, True]
    assert all("response_format" in one for one in endpoint.requests)


def test_a_schema_that_was_not_the_problem_is_sent_again() -> None:
    def broken_once(request: Json) -> Answer:
        return refused("no") if request["messages"][-1]["content"] == "bad" else GOOD

    with serving(broken_once) as endpoint:
        questions(endpoint.url, ["bad", "good"])

    assert ["response_format" in one for one in endpoint.requests] == [True, False, True]


def test_a_key_that_the_endpoint_repeats_is_not_told() -> None:
    said = f"Incorrect API key provided: {KEY}. Or was it sk-proj-OTHER99999?"
    with serving(lambda _: refused(said, 401)) as endpoint:
        (found,) = questions(endpoint.url, ["hello"])

    assert "[key]" in str(found)
    assert KEY not in str(found)
    assert "OTHER" not in str(found)


def refused(message: str, status: int = 400) -> Answer:
    return Answer(status=status, body=json.dumps({"error": {"message": message}}).encode())


def questions(url: str, texts: list[str]) -> list[Reply | ModelError]:
    """One after the other by one client, each with a schema."""

    async def each() -> list[Reply | ModelError]:
        model = OpenAIChat(Endpoint(url, "tiny", KEY), tries=1)
        found: list[Reply | ModelError] = []
        try:
            for text in texts:
                try:
                    found.append(
                        await model.ask(Question((Message("user", text),), {"type": "object"}))
                    )
                except ModelError as error:
                    found.append(error)
        finally:
            await model.close()
        return found

    return finished(each())
