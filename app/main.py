"""The application: the only module that knows every router."""

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from app.accounts import api as accounts_api
from app.accounts import pages as accounts_pages
from app.datasets import api as datasets_api
from app.datasets import pages as datasets_pages
from app.jobs import api as jobs_api
from app.jobs import pages as jobs_pages
from app.log import configure_logging
from app.sources import api as sources_api
from app.web import errors, health
from app.web.context import RequestContext
from app.web.render import STATIC

_API = (accounts_api, sources_api, datasets_api, jobs_api)
_PAGES = (accounts_pages, datasets_pages, jobs_pages)


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
        app.include_router(module.router, prefix="/api/v1")
    for module in _PAGES:
        app.include_router(module.router)
    app.include_router(health.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    errors.install(app)
    app.add_middleware(RequestContext)
    return app
