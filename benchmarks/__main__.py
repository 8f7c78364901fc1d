"""All measurements as one table: python -m benchmarks [PART ...] [--rows N] [--out FILE].

What takes long to make (a million samples, measured) stays in the folder of --base and is used
again. Run it on a machine that does nothing else.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks import (
    catalog,
    contamination,
    detectors,
    duplicates,
    generators,
    growth,
    imports,
    judging,
    kept_rows,
    labels,
    meaning,
    million,
    perplexity,
    propagation,
    releases,
    review,
    scoring,
    shape,
    signals,
    verifiers,
    week,
)
from benchmarks.results import Place, Result, table

_ROOT = Path(__file__).resolve().parents[1]
Part = Callable[[Place], Iterator[Result]]


def _on_the_million(place: Place) -> Iterator[Result]:
    with million.loaded(place) as bench:
        yield from catalog.measure(bench)
        yield from review.measure(bench)
        yield from review.measure_crowd(place, bench)
        yield from releases.measure(place, bench)


PARTS: dict[str, Part] = {
    "imports": imports.measure,
    "signals": signals.measure,
    "detectors": detectors.measure,
    "scoring": scoring.measure,
    "judging": judging.measure,
    "labels": labels.measure,
    "propagation": propagation.measure,
    "perplexity": perplexity.measure,
    "duplicates": duplicates.measure,
    "kept_rows": kept_rows.measure,
    "contamination": contamination.measure,
    "shape": shape.measure,
    "verifiers": verifiers.measure,
    "generators": generators.measure,
    "million": _on_the_million,
    "meaning": meaning.measure,
    "growth": growth.measure,
    "week": week.measure,
}


def main() -> None:
    """Run the parts, print every result as it comes, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--data", type=Path, default=_ROOT.parent / "shared" / "data")
    parser.add_argument("--base", type=Path, default=_ROOT / "build" / "bench")
    parser.add_argument("--out", type=Path, help="Where the table goes; nowhere if not given.")
    arguments = parser.parse_args()
    place = Place(arguments.data, arguments.base.resolve(), arguments.rows)
    results = []
    for name in arguments.parts or PARTS:
        for result in PARTS[name](place):
            results.append(result)
            print(
                f"{result.what}: {result.found} (wanted: {result.wanted or 'nothing'})", flush=True
            )
    text = table(results, place.rows)
    if arguments.out:
        arguments.out.write_text(text)
    sys.stdout.write("\n" + text)


if __name__ == "__main__":
    main()
