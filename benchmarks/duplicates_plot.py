"""Recall of bands by similarity, as theory has it and as measured, as a plot."""

from collections.abc import Mapping, Sequence
from pathlib import Path

_PLOT = Path(__file__).with_name("recall.svg")
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 720, 420, 60, 20, 190, 50
_COLOURS = ("#2563eb", "#dc2626", "#059669")
_LOW = 0.25


def write(
    bands: Mapping[str, tuple[int, int]], found: Mapping[str, Sequence[tuple[float, float]]]
) -> None:
    """Write the plot beside the benchmarks."""
    _PLOT.write_text(plot(bands, found), encoding="utf-8")


def plot(
    bands: Mapping[str, tuple[int, int]], found: Mapping[str, Sequence[tuple[float, float]]]
) -> str:
    """Lines are 1-(1-s^rows)^bands, dots are measured."""

    def x(similarity: float) -> float:
        share = (similarity - _LOW) / (1 - _LOW)
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(recall: float) -> float:
        return _HEIGHT - _BOTTOM - recall * (_HEIGHT - _TOP - _BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="13" role="img">',
        "<title>Share of pairs that bands find, by Jaccard similarity</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
    ]
    for tenth in range(0, 11, 2):
        at = y(tenth / 10)
        parts.append(
            f'<line x1="{_LEFT}" x2="{x(1):.1f}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
        )
        parts.append(
            f'<text x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{tenth / 10}</text>'
        )
    for tenth in range(3, 11):
        at = x(tenth / 10)
        parts.append(
            f'<text x="{at:.1f}" y="{_HEIGHT - 30}" text-anchor="middle">{tenth / 10}</text>'
        )
    parts.append(
        f'<text x="{x(0.62):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">Jaccard similarity</text>'
    )
    for place, (name, (count, rows)) in enumerate(bands.items()):
        colour = _COLOURS[place]
        steps = [_LOW + (1 - _LOW) * step / 100 for step in range(101)]
        line = " ".join(f"{x(s):.1f},{y(1 - (1 - s**rows) ** count):.1f}" for s in steps)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for similarity, recall in found[name]:
            parts.append(
                f'<circle cx="{x(similarity):.1f}" cy="{y(recall):.1f}" r="4" fill="{colour}"/>'
            )
        at = _TOP + 20 + 22 * place
        parts.append(f'<text x="{_WIDTH - _RIGHT + 16}" y="{at}" fill="{colour}">{name}</text>')
    legend = _WIDTH - _RIGHT + 16
    parts.append(f'<text x="{legend}" y="{_TOP + 96}">lines: theory</text>')
    parts.append(f'<text x="{legend}" y="{_TOP + 116}">dots: measured</text>')
    return "\n".join([*parts, "</svg>\n"])
