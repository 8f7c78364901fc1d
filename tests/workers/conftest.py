"""What tests share that kill parts of a workbench."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workers.test_faults import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "home")
    yield made
    made.stop()
