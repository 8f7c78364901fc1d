"""A classifier in the browser: its form on the page of scores."""

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from app.accounts.current import CurrentLead, SessionDep
from app.classification import service
from app.classification.service import Order
from app.datasets import service as datasets
from app.validation import build
from app.web.forms import FormFields

router = APIRouter(include_in_schema=False)


@router.post("/datasets/{name}/classify", name="classification:start")
def start(name: str, session: SessionDep, user: CurrentLead, form: FormFields) -> Response:
    """Read samples by a classifier."""
    dataset = datasets.get(session, name)
    given = {field: form[field].strip() for field in Order.model_fields if form.get(field)}
    service.start(session, dataset, build(Order, given, "classifier"), by=user)
    return RedirectResponse(f"/datasets/{dataset.name}/scores", status_code=303)
