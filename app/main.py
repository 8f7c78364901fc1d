"""The application: the only module that knows every router."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from app.accounts import api as accounts_api
from app.accounts import pages as accounts_pages
from app.accounts.idempotency import Idempotency
from app.calibration import api as calibration_api
from app.calibration import pages as calibration_pages
from app.campaigns import api as campaigns_api
from app.campaigns import pages as campaigns_pages
from app.classification import api as classification_api
from app.classification import pages as classification_pages
from app.contamination import api as contamination_api
from app.contamination import pages as contamination_pages
from app.datasets import api as datasets_api
from app.datasets import pages as datasets_pages
from app.embeddings import api as embeddings_api
from app.embeddings import pages as embeddings_pages
from app.filtering import api as filtering_api
from app.filtering import pages as filtering_pages
from app.generation import api as generation_api
from app.generation import pages as generation_pages
from app.generation import taxonomy_api, taxonomy_pages
from app.jobs import api as jobs_api
from app.jobs import pages as jobs_pages
from app.judging import api as judging_api
from app.judging import pages as judging_pages
from app.learning import api as learning_api
from app.learning import pages as learning_pages
from app.ledger import api as ledger_api
from app.ledger import pages as ledger_pages
from app.llm import api as llm_api
from app.llm import pages as llm_pages
from app.log import configure_logging
from app.maps import api as maps_api
from app.maps import pages as maps_pages
from app.masking import api as masking_api
from app.masking import pages as masking_pages
from app.matching import api as matching_api
from app.matching import pages as matching_pages
from app.overview import pages as overview_pages
from app.perplexity import api as perplexity_api
from app.perplexity import pages as perplexity_pages
from app.preferences import api as preferences_api
from app.preferences import pages as preferences_pages
from app.releases import api as releases_api
from app.releases import pages as releases_pages
from app.review import api as review_api
from app.review import pages as review_pages
from app.samples import api as samples_api
from app.samples import pages as samples_pages
from app.scoring import api as scoring_api
from app.scoring import pages as scoring_pages
from app.selection import api as selection_api
from app.selection import pages as selection_pages
from app.sources import api as sources_api
from app.topics import api as topics_api
from app.topics import pages as topics_pages
from app.verifying import api as verifying_api
from app.verifying import pages as verifying_pages
from app.web import docs, errors, health
from app.web.context import RequestContext
from app.web.render import STATIC

_API = (
    accounts_api,
    sources_api,
    datasets_api,
    samples_api,
    ledger_api,
    scoring_api,
    verifying_api,
    generation_api,
    preferences_api,
    taxonomy_api,
    masking_api,
    contamination_api,
    embeddings_api,
    filtering_api,
    matching_api,
    review_api,
    releases_api,
    llm_api,
    judging_api,
    calibration_api,
    campaigns_api,
    learning_api,
    selection_api,
    classification_api,
    perplexity_api,
    topics_api,
    maps_api,
    jobs_api,
)
_PAGES = (
    overview_pages,
    accounts_pages,
    datasets_pages,
    samples_pages,
    embeddings_pages,
    ledger_pages,
    scoring_pages,
    verifying_pages,
    generation_pages,
    preferences_pages,
    taxonomy_pages,
    masking_pages,
    contamination_pages,
    filtering_pages,
    matching_pages,
    judging_pages,
    campaigns_pages,
    learning_pages,
    selection_pages,
    classification_pages,
    perplexity_pages,
    topics_pages,
    maps_pages,
    calibration_pages,
    llm_pages,
    review_pages,
    releases_pages,
    jobs_pages,
)


def create_app() -> FastAPI:
    """The web application; nothing is opened before the first request."""
    configure_logging()
    app = FastAPI(
        title="Winnow",
        version="1",
        description="Curate the data that language models learn from.",
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    for module in _API:
        app.include_router(module.router, prefix="/api/v1", responses=errors.PROBLEM)
    for module in (*_PAGES, health, docs):
        app.include_router(module.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    errors.install(app)
    app.add_middleware(Idempotency)
    app.add_middleware(RequestContext)
    return app
