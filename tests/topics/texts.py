"""Four planted topics: sentences from words of their own and words that all share."""

import random

from app.curation.records import Record
from tests.factories import instruction

WORDS = {
    topic: said.split()
    for topic, said in (
        ("cooking", "bread oven recipe butter flour onion soup garlic sauce bake pasta cheese"),
        ("space", "rocket orbit planet moon satellite astronaut galaxy telescope comet launch"),
        ("music", "guitar melody concert piano chord rhythm violin song drummer orchestra"),
        ("law", "court judge lawyer contract verdict lawsuit statute attorney trial jury"),
    )
}
_SAID = "the a of and please tell me about how is it that we can make use with for"


def planted(each: int, seed: int = 0) -> list[Record]:
    """So many samples per topic, mixed; the topic stands in the domain."""
    rng = random.Random(seed)
    rows = [
        instruction(_said(rng, own, 8), _said(rng, own, 12), domain=topic)
        for topic, own in WORDS.items()
        for _ in range(each)
    ]
    rng.shuffle(rows)
    return rows


def _said(rng: random.Random, own: list[str], count: int) -> str:
    return " ".join(rng.choice(own if rng.random() < 0.5 else _SAID.split()) for _ in range(count))
