"""Whom a run asks: the model that makes its drafts, and the one that decides on them."""

from concurrent.futures import Executor
from dataclasses import dataclass

from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.generators.base import Asking as AskingGenerator
from app.curation.generators.base import Generator
from app.errors import InvalidError
from app.generation.models import GenerationRun
from app.jobs.models import Job, Queue
from app.llm import policies as llm_policies
from app.llm import service as llm
from app.llm.asking import Asking
from app.llm.ledger import Account
from app.llm.models import Provider, ProviderKind


@dataclass(frozen=True, slots=True)
class Asked:
    """The models that a run asks, and who pays; without a judge its teacher decides, too."""

    provider: Provider
    judge: Provider | None
    account: Account

    def asking(
        self, *, tries: int | None = None, thread: Executor | None = None
    ) -> tuple[Asking, Asking | None]:
        """Both as they are asked, from one budget; `thread` reads and writes their replies.

        They are one where the provider is: its limits hold for both together.
        """
        more = {} if tries is None else {"tries": tries}
        taught = llm.model_of(self.provider, **more)
        teacher = Asking(self.provider, taught, self.account, thread=thread)
        if self.judge is None:
            return teacher, None
        if self.judge.id == self.provider.id:
            return teacher, teacher
        model = llm.model_of(self.judge, **more)
        return teacher, Asking(self.judge, model, self.account, beside=teacher, thread=thread)


def both(teacher: Asking, judge: Asking | None) -> list[Asking]:
    """The models that are asked, one that is teacher and judge once."""
    return [teacher] if judge is None or judge is teacher else [teacher, judge]


def provider_of(
    session: Session, generator: Generator, name: str, by: Principal
) -> Provider | None:
    """The model that the generator asks; refuses one too many and one too few."""
    if not generator.asks:
        if name:
            raise InvalidError(f"`{generator.key}` asks no model: leave the provider out.")
        return None
    if not name:
        raise InvalidError(f"`{generator.key}` asks a model: name the provider to ask.")
    llm_policies.may_spend(by)
    return llm.get(session, name)


def judge_of(session: Session, generator: Generator, name: str) -> Provider | None:
    """The model that its gates ask; refuses one where no gate asks any."""
    if not name:
        return None
    if not has_judges(generator):
        raise InvalidError(f"No gate of `{generator.key}` asks a model: leave the judge out.")
    return llm.get(session, name)


def has_judges(generator: Generator | type[Generator]) -> bool:
    """Whether it has gates that ask a model."""
    method = generator if isinstance(generator, type) else type(generator)
    return issubclass(method, AskingGenerator) and any(one.judges for one in method.prompts)


def queue_of(generator: Generator, provider: Provider | None, judge: Provider | None) -> Queue:
    """Programs run where sandboxes are, which is where questions to an endpoint can be asked too.

    Workers of the queue `cpu` say at their start how they isolate; those of `llm` stay small. A
    model that workers load themselves, the teacher or the judge, wants those with a GPU.
    """
    if provider is None or generator.needs == "sandbox":
        return Queue.CPU
    if judge is not None and judge.kind == ProviderKind.LOCAL:
        return llm.queue_of(judge)
    return llm.queue_of(provider)


def asked(session: Session, job: Job, run: GenerationRun) -> Asked:
    """What a worker needs to ask."""
    account = Account.of(job, f"generate {run.generator}")
    judge = llm.get(session, run.judge) if run.judge else None
    return Asked(llm.get(session, run.provider), judge, account)
