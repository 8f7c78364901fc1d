"""The pages that people wait for: the catalog, a preview with its funnel, a histogram."""

from collections.abc import Iterator

from benchmarks.million import DATASET
from benchmarks.results import Result, latency, milliseconds
from benchmarks.workbench import Workbench

_TIMES = 60
_LABEL_STUDIO = "published: Label Studio 1.23 at 20,000 rows: page 96 ms, text filter 148 ms"


def measure(bench: Workbench) -> Iterator[Result]:
    """Each request some dozens of times, with another threshold every time."""
    get, post = bench.client.get, bench.client.post
    samples, page = f"/datasets/{DATASET}/samples", bench.page

    two = "gopher_words>={n} origin:human"
    asked = {
        "catalog, two conditions (REST)": lambda n: get(samples, where=two.format(n=20 + n)),
        "catalog, two conditions (page)": lambda n: page(samples, where=two.format(n=20 + n)),
        "catalog, sorted by a signal": lambda n: get(
            samples, where=two.format(n=20 + n), sort="-gopher_top_2gram_char_frac"
        ),
        "catalog, two conditions that nothing meets": lambda n: get(
            samples, where=f"gopher_words>={2000 + n} gopher_dup_5gram_char_frac>=0.99"
        ),
        "catalog, words in the text": lambda n: get(samples, where=f"exercise words<={60 + n}"),
    }
    for what, action in asked.items():
        yield latency(what, milliseconds(action, _TIMES), 100, _LABEL_STUDIO)
    yield latency(
        "preview of five conditions with funnel",
        milliseconds(lambda n: post(f"/datasets/{DATASET}/preview", {"where": five(n)}), _TIMES),
        250,
    )
    yield latency(
        "filtered histogram",
        milliseconds(lambda n: get(f"/datasets/{DATASET}/histogram", **histogram(n)), _TIMES),
        150,
    )
    yield latency(
        "facets of a search (page)",
        milliseconds(
            lambda n: page(f"/datasets/{DATASET}/facets", where=two.format(n=20 + n)), _TIMES
        ),
        250,
    )


def five(n: int) -> str:
    """Five conditions, one of them moved."""
    return (
        f"status:pending gopher_words>={10 + n} gopher_dup_5gram_char_frac<=0.15 "
        "gopher_mean_word_length:3..10 words<=400"
    )


def histogram(n: int) -> dict[str, str]:
    """A signal over the rows that meet three conditions, one of them moved."""
    where = f"status:pending gopher_words>={10 + n} words<=400"
    return {"signal": "gopher_dup_5gram_char_frac", "where": where}
