"""Verbs on topics and maps, typed against a server with real workers."""

import json
from pathlib import Path

import pytest

from tests.live import Live, live
from tests.topics.texts import planted

__all__ = ["live"]  # the fixture
pytestmark = pytest.mark.xdist_group("live")


@pytest.fixture(scope="module")
def named(live: Live, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dataset with four planted topics."""
    path: Path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("\n".join(json.dumps(one.body) for one in planted(15)))
    assert live.winnow("dataset", "create", "shaped").exit_code == 0
    done = live.winnow("import", "shaped", path, "--source", "made", "--wait")
    assert done.exit_code == 0, done.output
    return "shaped"


def test_topics_are_found_listed_renamed_and_merged(live: Live, named: str) -> None:
    found = live.winnow("topics", named, "--set", "k=4", "--wait")
    listed = live.winnow("topics", named, "list", "--json")
    first, second, *_ = json.loads(listed.stdout)["items"]
    renamed = live.winnow("topics", named, "rename", first["number"], "Mine", "alone")
    merged = live.winnow("topics", named, "merge", first["number"], second["number"])
    shown = live.winnow("topics", named, "show", first["number"])
    samples = live.winnow(
        "samples", named, "--where", 'topic:"Mine alone"', "--json", "--limit", "99"
    )
    undone = live.winnow("topics", named, "undo")
    again = live.winnow("topics", named, "--mode", "new", "--wait", "--json")

    assert found.exit_code == 0, found.output
    assert "topics 4" in found.output
    assert "keywords" in found.output
    assert renamed.output == merged.output == f"{first['number']}: Mine alone\n"
    assert shown.output.startswith(f"Mine alone: {first['size'] + second['size']} samples")
    assert len(samples.output.splitlines()) == first["size"] + second["size"]
    assert undone.output == "Taken back: merge.\n"
    assert json.loads(again.stdout)["result"]["topics"] == 4


def test_a_map_is_drawn_and_areas_are_kept(live: Live, named: str) -> None:
    drawn = live.winnow("map", named, "--set", "landmarks=100", "--wait")
    kept = live.winnow("map", named, "area", "all", "0,0", "65535,0", "65535,65535", "0,65535")
    shown = live.winnow("map", named, "show")
    listed = live.winnow("map", named, "areas", "--json")
    samples = live.winnow("samples", named, "--where", "map:all", "--json", "--limit", "100")
    gone = live.winnow("map", named, "forget", "all")

    assert drawn.exit_code == 0, drawn.output
    assert kept.output == "map:all: 60 samples\n"
    assert "60" in shown.output
    assert json.loads(listed.stdout)["items"][0]["where"] == "map:all"
    assert len(samples.output.splitlines()) == 60
    assert gone.exit_code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["topics", "shaped", "rename"],
        ["topics", "shaped", "merge", "1", "two"],
        ["map", "shaped", "area"],
        ["map", "shaped", "area", "x", "1;2"],
    ],
)
def test_wrong_usage_is_told(live: Live, words: list[str]) -> None:
    assert live.winnow(*words).exit_code == 2
