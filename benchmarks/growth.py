"""How the wait for a page grows with the catalog: the same requests at three sizes, as a plot."""

import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import million
from benchmarks.catalog import five, histogram
from benchmarks.million import DATASET
from benchmarks.results import Place, Result, milliseconds
from benchmarks.workbench import Workbench

_TIMES = 25
_FULL = 1_000_000
_PLOT = Path(__file__).with_name("growth.svg")
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 720, 420, 60, 20, 250, 40
_COLOURS = ("#2563eb", "#dc2626", "#059669", "#9333ea", "#d97706")


def measure(place: Place) -> Iterator[Result]:
    """Medians at a hundredth, a tenth and all of the samples."""
    sizes = [max(place.rows // part, 100) for part in (100, 10, 1)]
    found: dict[str, list[float]] = {}
    for size in sizes:
        with million.loaded(replace(place, rows=size)) as bench:
            for name, action in _requests(bench).items():
                median = statistics.median(milliseconds(action, _TIMES))
                found.setdefault(name, []).append(median)
    for name, medians in found.items():
        steps = ", ".join(
            f"{ms:,.0f} ms at {size:,}" for ms, size in zip(medians, sizes, strict=True)
        )
        slope = math.log10(medians[-1] / medians[-2])
        yield Result(f"growth: {name}", steps, peer=f"grows with the power {slope:.2f}")
    if place.rows >= _FULL:
        _PLOT.write_text(plot(sizes, found))


def _requests(bench: Workbench) -> dict[str, Callable[[int], object]]:
    get, post = bench.client.get, bench.client.post
    samples = f"/datasets/{DATASET}/samples"
    return {
        "catalog, two conditions": lambda n: get(samples, where=f"words>={20 + n} origin:human"),
        "catalog, sorted": lambda n: get(samples, where=f"words>={20 + n}", sort="-gopher_words"),
        "preview, five conditions": lambda n: post(
            f"/datasets/{DATASET}/preview", {"where": five(n)}
        ),
        "histogram": lambda n: get(f"/datasets/{DATASET}/histogram", **histogram(n)),
        "next review card": lambda _: get("/review/next", dataset=DATASET),
    }


def plot(sizes: Sequence[int], found: Mapping[str, Sequence[float]]) -> str:
    """Both axes logarithmic: samples to the right, milliseconds upwards."""
    high = 10 ** math.ceil(math.log10(max(max(one) for one in found.values())))
    low_x, high_x = math.log10(sizes[0]), math.log10(sizes[-1])

    def x(size: float) -> float:
        share = (math.log10(size) - low_x) / (high_x - low_x)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(ms: float) -> float:
        share = math.log10(max(ms, 1)) / math.log10(high)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>Median wait in milliseconds by number of samples</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for ms in (10**power for power in range(round(math.log10(high)) + 1)):
        parts.append(_rule(x(sizes[0]), y(ms), x(sizes[-1]), y(ms)))
        parts.append(f'<text x="{_LEFT - 8}" y="{y(ms) + 4}" text-anchor="end">{ms:,}</text>')
    for size in sizes:
        parts.append(_rule(x(size), y(1), x(size), y(high)))
        parts.append(f'<text x="{x(size)}" y="{_HEIGHT - 16}" text-anchor="middle">{size:,}</text>')
    labels = sorted(found, key=lambda name: -found[name][-1])
    for place, name in enumerate(labels):
        colour, medians = _COLOURS[place % len(_COLOURS)], found[name]
        points = " ".join(
            f"{x(size):.1f},{y(ms):.1f}" for size, ms in zip(sizes, medians, strict=True)
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        at = _TOP + 20 + 22 * place
        parts.append(
            f'<text x="{_WIDTH - _RIGHT + 16}" y="{at}" fill="{colour}">{name}: '
            f"{medians[-1]:,.0f} ms</text>"
        )
    return "\n".join([*parts, "</svg>\n"])


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'
