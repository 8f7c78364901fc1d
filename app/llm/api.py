"""Providers of models over REST."""

from decimal import Decimal
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from app.accounts.current import CurrentUser, SessionDep
from app.llm import policies, service
from app.llm.models import Provider, ProviderKind
from app.llm.service import ProviderIn
from app.web.pagination import Page

router = APIRouter(tags=["providers"])


class ProviderOut(BaseModel):
    """A provider; its key is never shown, only whether there is one.

    The `url` of a local model says what its files are.
    """

    model_config = ConfigDict(from_attributes=True)

    name: str
    kind: ProviderKind
    url: str
    model: str
    has_key: bool
    price_in: Decimal
    price_out: Decimal
    concurrency: int
    requests_per_minute: int
    tokens_per_minute: int
    timeout_s: float
    kwh: float


class UsageOut(BaseModel):
    """What a job asked of a provider; money in the currency of the provider's prices."""

    model_config = ConfigDict(from_attributes=True)

    job_id: Any
    dataset_id: int | None
    purpose: str
    calls: int
    reused: int
    tokens_in: int
    tokens_out: int
    money: Decimal
    kwh: float
    seconds: float


def _out(provider: Provider) -> ProviderOut:
    fields = {
        name: getattr(provider, name) for name in ProviderOut.model_fields if name != "has_key"
    }
    return ProviderOut(**fields, has_key=provider.secret is not None)


@router.get("/providers", name="api:list_providers")
def list_providers(session: SessionDep, _user: CurrentUser) -> Page[ProviderOut]:
    """Endpoints and local models that judges and generators may ask."""
    items = [_out(one) for one in service.everything(session)]
    return Page(items=items, total=len(items))


@router.post("/providers", status_code=201, name="api:save_provider")
def save_provider(body: ProviderIn, session: SessionDep, user: CurrentUser) -> ProviderOut:
    """Add a provider, or change the one with this name; an empty key leaves the stored one."""
    return _out(service.save(session, body, by=user))


@router.delete("/providers/{name}", status_code=204, name="api:remove_provider")
def remove_provider(name: str, session: SessionDep, user: CurrentUser) -> None:
    """Take a provider away and forget its key; its replies and costs stay."""
    service.remove(session, name, by=user)


@router.post("/providers/{name}/test", name="api:test_provider")
def test_provider(name: str, session: SessionDep, user: CurrentUser) -> dict[str, Any]:
    """Ask the model for one word: whether it answers, or what is wrong, in a sentence."""
    return service.test(session, name, by=user)


@router.get("/usage", name="api:usage")
def usage(session: SessionDep, user: CurrentUser) -> Page[UsageOut]:
    """What models were asked and what it cost, job by job, the newest first."""
    policies.may_spend(user)
    items = [UsageOut.model_validate(one) for one in service.usage(session)]
    return Page(items=items, total=len(items))
