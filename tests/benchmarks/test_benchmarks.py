"""The benchmarks at a five-hundredth of their size: they can't rot; figures mean nothing."""

import os
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import PARTS, main
from benchmarks.growth import plot
from benchmarks.results import Place, Result, latency, percentile, rate, table

_ROWS = 2_000


@pytest.mark.parametrize("part", PARTS)
def test_a_part_runs_and_finds_what_it_looks_for(
    part: str, real_data: Path, tmp_path: Path
) -> None:
    (tmp_path / "models").symlink_to(os.environ["WINNOW_CACHE"])
    found = list(PARTS[part](Place(real_data, tmp_path, _ROWS)))

    assert found
    assert all(one.what and one.found for one in found)
    exact = [one for one in found if one.what.startswith("of ")]
    assert all(one.met for one in exact), exact


def test_the_table_says_what_was_met() -> None:
    slow = latency("page", [10.0] * 90 + [300.0] * 10, 100)
    fast = rate("import", 1000, 0.05, 10_000, "somebody: 1 row/s")

    text = table([slow, fast, Result("seen", "3")], 1000)

    assert percentile([float(n) for n in range(101)], 95) == 95
    assert "| page | median 10 ms, p95 300 ms | p95 100 ms |  | **no** |" in text
    assert "| import | 20,000 rows/s | 10,000 rows/s | somebody: 1 row/s | yes |" in text
    assert "| seen | 3 |  |  |  |" in text


def test_the_table_is_written_where_it_is_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PARTS, "million", lambda place: iter([Result(f"{place.rows}", "found")]))
    out = tmp_path / "RESULTS.md"
    monkeypatch.setattr(sys, "argv", ["bench", "million", "--rows", "7", "--out", str(out)])

    main()

    assert "| 7 | found |" in out.read_text()


def test_the_plot_has_a_line_per_request() -> None:
    drawn = plot([100, 1000, 10_000], {"page": [5, 6, 7], "preview": [5, 20, 200]})

    assert drawn.count("<polyline") == 2
    assert "preview: 200 ms" in drawn
