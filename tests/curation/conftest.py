"""What the tests of the library share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# A loaded machine is no reason to fail: tests that read and write files take their time.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; a test that needs it is skipped where there is none."""
    folder = Path(os.environ.get("WINNOW_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"No real data at {folder}; WINNOW_TEST_DATA names another folder.")
    return folder


ROOT = Path(__file__).resolve().parents[2]
