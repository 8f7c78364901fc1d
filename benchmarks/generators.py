"""Deliberate errors and noise per second on one core, and whether they can be undone."""

import gc
import json
import time
from collections.abc import Iterator, Sequence

from app.curation.generators.base import Plain
from app.curation.generators.edits import restored
from app.curation.generators.errors import Errors
from app.curation.generators.noise import Noise
from app.curation.records import Kind, Record
from app.curation.text.sentences import sentences
from benchmarks.results import Place, Result

_BATCH = 500


def measure(place: Place) -> Iterator[Result]:
    """Sentences of Dolly's answers, as often as it takes."""
    gc.freeze()  # as workers do
    path = place.data / "dolly_part" / "dolly_with_context.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    real = [one for line in lines for one in sentences(json.loads(line)["response"])]
    count = max(place.rows // 20, 1000)
    seeds = [Record(Kind.TEXT, {"text": real[n % len(real)]}, id=n + 1) for n in range(count)]
    words = sum(len(str(one.body["text"]).split()) for one in seeds) / count
    for generator in (Errors(), Noise()):
        seconds, whole, drafts = _timed(generator, seeds)
        yield Result(
            f"{generator.title} in {count:,} sentences of {words:.0f} words, one core",
            f"{count / seconds:,.0f} rows/s",
            wanted="20,000 rows/s for errors",
            met=whole == drafts and (count / seconds >= 20_000 or isinstance(generator, Noise)),
        )


def _timed(generator: Plain, seeds: Sequence[Record]) -> tuple[float, int, int]:
    """Seconds of processor for the making alone, drafts that come back whole, all drafts."""
    seconds, whole, drafts = 0.0, 0, 0
    for at in range(0, len(seeds), _BATCH):
        batch = seeds[at : at + _BATCH]
        begun = time.process_time()
        made = generator.make(batch)
        seconds += time.process_time() - begun
        for seed, (one,) in zip(batch, made, strict=True):
            if one.draft is not None:
                drafts += 1
                text = restored(one.draft.body["text"], one.draft.metadata["edits"])
                whole += text == seed.body["text"]
    return seconds, whole, drafts
