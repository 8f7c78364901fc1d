"""The real data that the benchmarks measure on."""

from tests.curation.conftest import real_data

__all__ = ["real_data"]
