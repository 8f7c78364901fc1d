"""Endpoints of models: adding, testing, removing; what was spent."""

import socket
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, model_validator
from sqlalchemy import false, select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.policies import Principal
from app.accounts.service import now
from app.curation.ports import LanguageModel, Message, ModelError, Question, Reply
from app.errors import ConflictError, InvalidError, NotFoundError
from app.jobs.models import Queue
from app.llm import policies, secrets
from app.llm.models import LlmUsage, Provider, ProviderKind
from app.llm.running import finished
from app.providers import local_models, local_probe
from app.providers.local_chat import LocalChat
from app.providers.openai_chat import TRIES, Endpoint, OpenAIChat
from app.providers.transport import refusal
from app.validation import Money

_TEST = Question((Message("user", "Answer with the single word: ready"),), max_tokens=16)


class ProviderIn(BaseModel):
    """An endpoint, or a model for workers to load, as people describe it."""

    name: str = Field(max_length=63, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    kind: ProviderKind = Field(
        ProviderKind.ENDPOINT, description="`local`: workers of the queue gpu load the model"
    )
    url: str = Field("", max_length=500, description="Base URL, such as https://host/v1")
    model: str = Field(
        min_length=1,
        max_length=500,
        description="Its name at the endpoint; of a local model the folder or the name on the hub",
    )
    key: str = Field("", max_length=1000)
    price_in: Money = Field(Decimal(0), description="Per million tokens sent")
    price_out: Money = Field(Decimal(0), description="Per million tokens answered")
    concurrency: int = Field(16, ge=1, le=256)
    requests_per_minute: int = Field(0, ge=0, le=10_000_000)
    tokens_per_minute: int = Field(0, ge=0, le=1_000_000_000)
    timeout_s: float = Field(120.0, ge=1, le=3600)
    kwh: float = Field(
        0.0, ge=0, le=1e6, description="Energy per million tokens in kWh; 0 where nobody knows it"
    )

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if self.kind is ProviderKind.LOCAL and (self.url or self.key):
            raise ValueError("a local model has no URL and no key")
        if self.kind is ProviderKind.ENDPOINT:
            self.url = self._http(self.url)
        return self

    @staticmethod
    def _http(value: str) -> str:
        parts = urlsplit(value.strip())
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("the URL must begin with http:// or https:// and name a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("the URL must hold no user, query or fragment; the key has its field")
        try:
            # As the system reads it: 2852039166 and 0xa9.0xfe.0xa9.0xfe are addresses too.
            plain = socket.inet_ntoa(socket.inet_aton(parts.hostname))
        except OSError:
            plain = parts.hostname
        try:
            refused = refusal(parts.hostname, plain)
        except ValueError:  # a name: looked up, and refused if need be, when it is asked
            refused = None
        if refused is not None:
            raise ValueError(refused)
        return value.strip().rstrip("/")


def everything(session: Session) -> Sequence[Provider]:
    """All providers by name."""
    query = select(Provider).where(Provider.removed_at.is_(None))
    return session.scalars(query.order_by(Provider.name)).all()


def names(session: Session) -> dict[int, str]:
    """Names by id, of removed providers too: the ledger tells of them."""
    return dict(session.execute(select(Provider.id, Provider.name)).all())


def get(session: Session, name: str) -> Provider:
    """The provider with this name."""
    query = select(Provider).where(Provider.name == name, Provider.removed_at.is_(None))
    found = session.scalars(query).one_or_none()
    if found is None:
        known = (
            ", ".join(one.name for one in everything(session)) or "none yet; add one in Settings"
        )
        raise NotFoundError(f"There is no provider `{name}`. There are: {known}.")
    return found


def save(session: Session, given: ProviderIn, *, by: Principal) -> Provider:
    """Add a provider, or change the one with this name; an empty key leaves the stored one."""
    policies.may_manage(by)
    url = _files(given.model) if given.kind is ProviderKind.LOCAL else given.url
    query = select(Provider).where(Provider.name == given.name, Provider.removed_at.is_(None))
    provider = session.scalars(query.with_for_update()).one_or_none()
    moved = provider is not None and provider.url != url and given.kind is ProviderKind.ENDPOINT
    if moved and provider is not None and provider.secret and not given.key:
        raise ConflictError("The stored key belongs to the old URL: enter the key for the new one.")
    if provider is None:
        provider = Provider(name=given.name)
        session.add(provider)
    for name, value in given.model_dump(exclude={"name", "key", "url"}).items():
        setattr(provider, name, value)
    provider.url = url
    if given.key or given.kind is ProviderKind.LOCAL:
        provider.secret = secrets.locked(given.key) if given.key else None
    session.flush()
    after = {**given.model_dump(mode="json", exclude={"key"}), "key": bool(provider.secret)}
    audit.record(session, by, "provider.save", ("provider", provider.id), after=after)
    return provider


def _files(model: str) -> str:
    try:
        return local_models.fingerprint(model)
    except ModelError as error:
        raise InvalidError(str(error)) from error


def remove(session: Session, name: str, *, by: Principal) -> None:
    """Take a provider away and forget its key; its replies and costs stay."""
    policies.may_manage(by)
    provider = get(session, name)
    provider.removed_at, provider.secret = now(), None
    audit.record(session, by, "provider.remove", ("provider", provider.id), before={"name": name})


def model_of(provider: Provider, *, tries: int = TRIES) -> LanguageModel:
    """The provider's model: a client of its endpoint, or the model itself."""
    if provider.kind == ProviderKind.LOCAL:
        return LocalChat(provider.model, provider.concurrency, provider.url)
    return OpenAIChat(_endpoint(provider), tries)


def queue_of(provider: Provider) -> Queue:
    """Which workers ask it: a model that they load themselves wants those with a GPU."""
    return Queue.GPU if provider.kind == ProviderKind.LOCAL else Queue.LLM


def must_be_endpoint(provider: Provider) -> None:
    """Refuse to ask a local model while somebody waits for a page."""
    if provider.kind == ProviderKind.LOCAL:
        raise ConflictError(
            f"{provider.name} is a local model: workers load it, the web server does not. "
            "Start a job on a few samples, or a pilot, instead."
        )


def _endpoint(provider: Provider) -> Endpoint:
    return Endpoint(
        url=provider.url,
        model=provider.model,
        key=secrets.unlocked(provider.secret) if provider.secret else "",
        concurrency=provider.concurrency,
        requests_per_minute=provider.requests_per_minute,
        tokens_per_minute=provider.tokens_per_minute,
        timeout_s=provider.timeout_s,
    )


def test(session: Session, name: str, *, by: Principal) -> dict[str, Any]:
    """Ask the model for one word: whether it answers, how fast, or what is wrong."""
    policies.may_spend(by)
    provider = get(session, name)
    try:
        reply = _tried(provider)
    except ModelError as error:
        return {"ok": False, "message": str(error)}
    said = reply.text.strip()[:80]
    return {
        "ok": True,
        "message": f"It answered “{said}” in {reply.seconds:.1f} s.",
        "seconds": reply.seconds,
        "tokens_in": reply.tokens_in,
        "tokens_out": reply.tokens_out,
    }


def _tried(provider: Provider) -> Reply:
    if provider.kind == ProviderKind.LOCAL:
        return local_probe.ask_once(provider.model, _TEST, provider.url)
    # A person waits: what may pass by itself is told at once.
    return finished(_ask_once(OpenAIChat(_endpoint(provider), tries=1)))


async def _ask_once(model: LanguageModel) -> Reply:
    try:
        return await model.ask(_TEST)
    finally:
        await model.close()


def cost(provider: Provider, tokens_in: int, tokens_out: int) -> Decimal:
    """Money for so many tokens."""
    return (provider.price_in * tokens_in + provider.price_out * tokens_out) / 1_000_000


def usage(session: Session) -> Sequence[LlmUsage]:
    """What was spent, job by job, the newest first."""
    return session.scalars(select(LlmUsage).order_by(LlmUsage.id.desc()).limit(1000)).all()


def spent(session: Session, job_id: uuid.UUID | None) -> Mapping[str, Any]:
    """Calls, tokens, money and seconds of a job; nothing of one that is gone."""
    mine = LlmUsage.job_id == job_id if job_id else false()
    rows = session.scalars(select(LlmUsage).where(mine)).all()
    return {
        "calls": sum(one.calls for one in rows),
        "reused": sum(one.reused for one in rows),
        "tokens_in": sum(one.tokens_in for one in rows),
        "tokens_out": sum(one.tokens_out for one in rows),
        "money": str(sum((one.money for one in rows), Decimal(0))),
        "kwh": sum(one.kwh for one in rows),
        "seconds": round(sum(one.seconds for one in rows), 3),
    }
