"""What tests of taxonomies share."""

from tests.curation.conftest import real_data

__all__ = ["real_data"]
