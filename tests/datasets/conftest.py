"""The real data that the tests of the readers use, and an import folder that starts empty."""

import shutil
from collections.abc import Iterator

import pytest

from app.settings import settings
from tests.curation.conftest import real_data

__all__ = ["real_data"]


@pytest.fixture(autouse=True)
def empty_import_folder() -> Iterator[None]:
    """What a test puts there is gone for the next one."""
    yield
    shutil.rmtree(settings().import_folder, ignore_errors=True)
