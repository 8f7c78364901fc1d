"""Providers in the browser: endpoints, prices, limits, a test; what was spent."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.accounts.current import CurrentUser, SessionDep
from app.jobs import energy
from app.llm import policies, service
from app.llm.models import Provider, ProviderKind
from app.llm.service import ProviderIn
from app.validation import build
from app.web.forms import FormFields
from app.web.render import render

router = APIRouter(include_in_schema=False)


@router.get("/settings/providers", name="llm:page")
def providers_page(
    request: Request,
    session: SessionDep,
    user: CurrentUser,
    edit: Annotated[str, Query(max_length=100)] = "",
) -> HTMLResponse:
    """Endpoints of models, and what was asked of them; the form filled with one to be changed."""
    policies.may_spend(user)
    return render(
        request,
        "llm/providers.html",
        page="settings",
        providers=service.everything(session),
        usage=service.usage(session)[:50],
        names=service.names(session),
        energy=energy.by_kind(session),
        form=_as_form(service.get(session, edit)) if edit else {},
    )


def _as_form(provider: Provider) -> dict[str, str]:
    """What the form is filled with: all but the key, which nobody sees again."""
    # A local model's url is the hash of its files.
    hidden = {"key", "url"} if provider.kind == ProviderKind.LOCAL else {"key"}
    given = {name: getattr(provider, name) for name in ProviderIn.model_fields.keys() - hidden}
    return {
        name: f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
        for name, value in given.items()
    }


@router.post("/settings/providers", name="llm:save")
def save(session: SessionDep, user: CurrentUser, form: FormFields) -> Response:
    """Add or change a provider."""
    given = {name: value for name, value in form.items() if name != "csrf" and value != ""}
    service.save(session, build(ProviderIn, given, "provider"), by=user)
    return RedirectResponse("/settings/providers", status_code=303)


@router.post("/settings/providers/test", name="llm:test")
def test(
    request: Request, session: SessionDep, user: CurrentUser, name: Annotated[str, Form()]
) -> HTMLResponse:
    """Whether the provider answers, in a sentence."""
    found = service.test(session, name, by=user)
    return render(request, "llm/_test.html", found=found)


@router.post("/settings/providers/remove", name="llm:remove")
def remove(session: SessionDep, user: CurrentUser, name: Annotated[str, Form()]) -> Response:
    """Take a provider away."""
    service.remove(session, name, by=user)
    return RedirectResponse("/settings/providers", status_code=303)
