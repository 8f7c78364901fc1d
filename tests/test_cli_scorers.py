"""Verbs on local models and n-grams, typed against a server with real workers."""

import json
from pathlib import Path

import pytest

from tests import tiny_models
from tests.curation.text.test_ngram_lm import planted
from tests.live import Live, live

__all__ = ["live"]  # the fixture

GRADE = '{"reason":"Short.","score":4}'


@pytest.fixture(scope="module")
def named(live: Live, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A dataset with rows that n-grams can be counted in."""
    pairs = planted(120, seed=1)
    both = zip(pairs.prompts, pairs.answers, strict=True)
    rows = [json.dumps({"instruction": one, "output": other}) for one, other in both]
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("\n".join(rows))
    assert live.winnow("dataset", "create", "surprising").exit_code == 0
    done = live.winnow("import", "surprising", path, "--source", "made", "--wait")
    assert done.exit_code == 0, done.output
    return "surprising"


def test_perplexity_prints_the_band_and_its_energy_is_counted(live: Live, named: str) -> None:
    measured = live.winnow("perplexity", named, "--size", "2", "--wait")
    band = measured.output.split("rows: ")[-1].splitlines()[0]
    kept = live.winnow("samples", named, "--where", band, "--limit", "200", "--json")
    energy = live.winnow("energy", "--json")

    assert measured.exit_code == 0, measured.output
    assert band.startswith("perplexity:")
    assert 94 <= len(kept.output.splitlines()) <= 98
    took = {one["kind"]: one for one in json.loads(energy.stdout)["items"]}
    assert took["perplexity"]["cpu_s"] > 0
    assert took["perplexity"]["kwh"] > 0


def test_a_local_model_grades_in_a_worker(live: Live, named: str, tmp_path: Path) -> None:
    folder = tiny_models.chain(tmp_path / "grader", {"Assistant:": GRADE})

    added = live.winnow("provider", "add", "small", "--local", "--model", folder)
    judged = live.winnow(
        "judge", named, "accuracy_judge", "--provider", "small", "--sample", "20", "--wait"
    )
    found = live.winnow("samples", named, "--where", "accuracy_judge:4", "--json", "--limit", "50")

    assert added.exit_code == 0, added.output
    assert "in workers of the queue gpu" in added.output
    assert judged.exit_code == 0, judged.output
    assert len(found.output.splitlines()) == 20


@pytest.mark.parametrize("options", [[], ["--local", "--url", "https://example.org/v1"]])
def test_a_provider_is_an_endpoint_or_local(live: Live, options: list[str]) -> None:
    wrong = live.winnow("provider", "add", "both", "--model", "m", *options)

    assert wrong.exit_code == 2
    assert "Give either --url" in wrong.output


def test_what_was_asked_is_listed(live: Live) -> None:
    found = live.winnow("usage", "--json")

    assert found.exit_code == 0
    assert all(one["calls"] >= 0 for one in json.loads(found.output)["items"])
    assert "tokens_in" in live.winnow("usage").output
