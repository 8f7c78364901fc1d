"""Perplexity and difficulty of instructions: rows per second, and which answers stand out."""

import gzip
import time
from collections.abc import Iterator

import numpy as np
import orjson

from app.curation.learners import grading, ladder
from app.curation.learners.forest import Forest
from app.curation.text.surprise import Halves, Pairs
from app.providers import causal_losses, embedders, local_models
from app.providers.embedders import Tier
from benchmarks.results import Place, Result
from tests import tiny_models

_ROWS, _FORWARD, _GRADED = 52_002, 100, 1_500  # at full size
_LAYERS, _WIDTH, _VOCABULARY = 6, 768, 30_000  # a distilled GPT-2
_SMALL = 100_000  # samples: for runs of fewer the model is small too


def measure(place: Place) -> Iterator[Result]:
    """N-grams of Alpaca, a transformer of drawn weights, ladders of Dolly."""
    pairs = _alpaca(place, min(place.part(_ROWS), _ROWS))
    yield from _by_n_grams(pairs)
    yield from _by_a_transformer(place, pairs)
    yield from _by_ladders(place)


def _alpaca(place: Place, count: int) -> Pairs:
    with gzip.open(place.data / "alpaca_52k" / "alpaca_data.json.gz") as file:
        rows = orjson.loads(file.read())[:count]
    prompts = [f"{row['instruction']}\n{row['input']}".strip() for row in rows]
    return Pairs(prompts, [row["output"] for row in rows])


def _by_n_grams(pairs: Pairs) -> Iterator[Result]:
    Halves.fit(Pairs(pairs.prompts[:50], pairs.answers[:50]), 3)  # compiles the loops
    start = time.perf_counter()
    halves = Halves.fit(pairs, 3)
    counted = time.perf_counter() - start
    start = time.perf_counter()
    own = halves.read(pairs).ifd
    read = time.perf_counter() - start
    foreign = halves.read(Pairs([*pairs.prompts[1:], pairs.prompts[0]], pairs.answers)).ifd
    count = len(pairs)
    yield Result("perplexity: counting 3-grams, one core", f"{count / counted:,.0f} rows/s")
    yield Result("perplexity and IFD by 3-grams, one core", f"{count / read:,.0f} rows/s")
    yield Result(
        f"IFD by 3-grams: {count:,} Alpaca answers below 1 with their prompt",
        f"{(own[np.isfinite(own)] < 1).mean():.1%}",
    )
    yield Result(
        "IFD by 3-grams: the same above 1 with another row's prompt",
        f"{(foreign[np.isfinite(foreign)] > 1).mean():.1%}",
    )


def _by_a_transformer(place: Place, pairs: Pairs) -> Iterator[Result]:
    count = min(place.part(_FORWARD), len(pairs))
    some = Pairs(pairs.prompts[:count], pairs.answers[:count])
    words = dict.fromkeys(" ".join([*some.prompts, *some.answers]).split())
    full = place.rows >= _SMALL
    if full:
        words |= {f"word{number}": None for number in range(_VOCABULARY - len(words))}
    layers, width = (_LAYERS, _WIDTH) if full else (1, 48)
    folder = place.base / f"gpt2-{layers}-{width}"
    tiny_models.drawn(folder, list(words), length=1024, layers=layers, width=width, heads=12)
    held = local_models.load(str(folder))
    size = sum(one.numel() for one in held.model.parameters()) / 1e6
    start = time.perf_counter()
    causal_losses.read(str(folder), some)
    seconds = time.perf_counter() - start
    what = f"perplexity and IFD by a transformer of {size:,.0f} million parameters on {held.device}"
    yield Result(what, f"{count / seconds:,.1f} rows/s")


def _by_ladders(place: Place) -> Iterator[Result]:
    lines = (place.data / "dolly_part" / "dolly_with_context.jsonl").read_bytes().splitlines()
    rows = [orjson.loads(line) for line in lines]
    prompts, answers = ([row[name] for row in rows] for name in ("instruction", "response"))
    use = ladder.usable(prompts, answers)[: max(place.part(_GRADED), 60)]
    good = Pairs([prompts[row] for row in use], [answers[row] for row in use])
    embedder = embedders.load("", Tier.STATIC, place.base / "models")
    start = time.perf_counter()
    found = grading.learn(Forest(), good, embedder).metrics
    seconds = time.perf_counter() - start
    best, rho = found["best_of_4"], found["spearman"]
    what = f"ladders of {len(use):,} Dolly answers, held out"
    yield Result(f"{what}: best of 4 found", f"{best[0]:.0%} ({seconds:.0f} s)", "55 %")
    yield Result(f"{what}: Spearman of grades", f"{rho[0]:.2f}", "0.80")
