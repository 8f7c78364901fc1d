"""What was planted is found: copies, items in other words, renamed programs among clean rows."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.curation.catalog import LAYERS
from app.curation.contamination.base import Finding, Hit, Setting, Text
from app.curation.contamination.fusing import Search, ranked
from app.curation.records import Record
from app.providers import embedders
from app.providers.embedders import Tier
from app.settings import settings
from tests.alpaca import alpaca
from tests.curation.contamination.benchmarks import instruction, items, renamed, rephrased


def search(wanted: Sequence[str], items_: Sequence[Text], rows: Sequence[Text]) -> list[Hit]:
    """What these layers find, as a job does it in one chunk."""
    given = {
        key: Setting(
            rows[:1000],
            embedders.load("", Tier(method.tier), settings().distilled) if method.tier else None,
            len(rows),
        )
        for key, method in LAYERS.items()
    }
    found = Search([LAYERS[key]() for key in wanted], items_, given).find(rows)
    return ranked(found, 5)


def clean(folder: Path, count: int) -> list[Record]:
    rows = alpaca(folder, count, start=20_000)
    return [instruction(one["instruction"], one["output"], one["input"]) for one in rows]


def source(record: Record) -> str:
    body = record.body
    return str(body.get("output") or body["signature"] + body["solution"]).replace("\r", "")


def test_sixty_planted_rows_among_a_thousand(real_data: Path) -> None:
    known, draw = items(real_data), random.Random(8)
    words = draw.sample(rephrased(), 20)
    taken = {(name, at) for name, at, _ in words}
    programs = [
        (name, at)
        for name in ("human_eval", "mbpp")
        for at in draw.sample([n for n in range(len(known[name])) if (name, n) not in taken], 10)
    ]
    copies = [("gsm8k", at) for at in draw.sample(range(1000), 10)]
    copies += [("mmlu", at) for at in draw.sample(range(10_000), 10)]
    keys = [(name, at) for name, at, _ in words] + programs + copies
    planted = [
        *(instruction(text) for *_, text in words),
        *(instruction("Show some code.", renamed(source(known[n][at]))) for n, at in programs),
        *(known[name][at] for name, at in copies),
    ]
    rows = [Text(one) for one in [*planted, *clean(real_data, 940)]]
    layers = [key for key in LAYERS if key != "embedding"]  # the transformer stands in for it

    hits = search(layers, [Text(known[name][at]) for name, at in keys], rows)

    found = {(hit.item, hit.sample) for hit in hits if hit.finding is not Finding.NEAR}
    sure = {(hit.item, hit.sample) for hit in hits if hit.finding is Finding.MATCH}
    alike = {(hit.item, hit.sample) for hit in hits if hit.layer == "ast" and hit.score >= 0.95}
    assert sum((at, at) in found for at in range(20)) >= 16
    assert all((at, at) in alike for at in range(20, 40))
    assert all((at, at) in sure for at in range(40, 60))
    assert len({row for _, row in found if row >= 60}) <= 9


@pytest.mark.parametrize(
    ("layers", "least"), [(("transformer",), 36), (("embedding", "tfidf"), 28)]
)
def test_items_in_other_words_are_among_the_five_nearest_rows(
    real_data: Path, layers: Sequence[str], least: int
) -> None:
    known, words = items(real_data), rephrased()
    rows = [instruction(text) for *_, text in words] + clean(real_data, 400)

    hits = search(layers, [Text(known[name][at]) for name, at, _ in words], [*map(Text, rows)])

    found = {(hit.item, hit.sample) for hit in hits}
    assert sum((at, at) in found for at in range(len(words))) >= least
