"""The real data that the tests of the readers use."""

from tests.curation.conftest import real_data

__all__ = ["real_data"]
