"""What came of a task of a run: its lines on account, and what was asked for them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from app.curation.generators.base import Made, Outcome, Task
from app.curation.generators.talk import Talk
from app.curation.ports import Question
from app.generation.storing import Line
from app.llm import service as llm
from app.llm.models import Provider

_USELESS = frozenset(
    {Outcome.UNREADABLE, Outcome.REFUSED, Outcome.ECHO, Outcome.LANGUAGE, Outcome.CUT}
)


@dataclass(frozen=True, slots=True)
class Answered:
    """A task and what came of it; `failed` where the model gave no reply at all."""

    task: Task
    lines: tuple[Line, ...]
    failed: bool = False
    questions: tuple[Question, ...] = ()

    @property
    def useless(self) -> bool:
        """Whether the replies were of no use to anybody: who runs it again asks anew."""
        return self.lines[0].made.outcome in _USELESS


def lines_of(
    task: Task, made: Sequence[Made], talk: Talk, teacher: Provider, judge: Provider
) -> tuple[Line, ...]:
    """A line for each draft; the first one has what all replies of the task took."""
    tokens_in, tokens_out, money = 0, 0, Decimal(0)
    for provider, replies in ((teacher, talk.replies), (judge, talk.judged)):
        taken = [sum(one.tokens_in for one in replies), sum(one.tokens_out for one in replies)]
        tokens_in, tokens_out = tokens_in + taken[0], tokens_out + taken[1]
        money += llm.cost(provider, *taken)
    raw = "\n\n".join(one.text for one in (*talk.replies, *talk.judged))
    leaf = int(task.values["leaf"]) if "leaf" in task.values else None
    used = frozenset(talk.used)
    first = Line(task.number, 0, made[0], raw, tokens_in, tokens_out, money, leaf, used)
    rest = (
        Line(task.number, item, one, leaf=leaf, prompts=used)
        for item, one in enumerate(made[1:], start=1)
    )
    return first, *rest
