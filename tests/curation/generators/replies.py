"""A talk whose replies are written beforehand."""

import json
from collections.abc import Callable, Sequence
from typing import Any

from app.curation.generators.base import Asking, Made, Task
from app.curation.generators.talk import Talk
from app.curation.ports import Question, Reply
from app.curation.records import Kind, Record
from app.curation.verifiers.base import Tools
from app.llm.running import finished

Says = Callable[[Question], str] | Sequence[Any]


def talk_of(generator: Asking, says: Says, **more: Any) -> Talk:
    """A talk that answers by a function, or by these texts and objects one after the other."""
    waiting = [] if callable(says) else list(says)

    async def ask(question: Question) -> Reply:
        said = says(question) if callable(says) else waiting.pop(0)
        if isinstance(said, Reply):
            return said
        return Reply(said if isinstance(said, str) else json.dumps(said), "stop", 10, 5, 0.1)

    prompts = {one.name: one for one in generator.prompts}
    return Talk(ask, prompts, tools=more.pop("tools", Tools()), **more)


def made(generator: Asking, task: Task, says: Says, **more: Any) -> list[Made]:
    """What comes of a task."""
    return finished(generator.made(task, talk_of(generator, says, **more)))


def one(generator: Asking, task: Task, says: Says, **more: Any) -> Made:
    """The only line of it."""
    (found,) = made(generator, task, says, **more)
    return found


def text(content: str, **more: Any) -> Record:
    return Record(Kind.TEXT, {"text": content}, **{"id": 1, **more})


def asked(instruction: str, output: str = "", **more: Any) -> Record:
    body = {"instruction": instruction, "input": "", "output": output}
    return Record(Kind.INSTRUCTION, body, **{"id": 1, **more})
