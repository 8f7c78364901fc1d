"""The filter of pairs as an address carries it."""

from typing import Annotated

from fastapi import Depends, Query

from app.contamination.verdicts import Filter


def _filter(
    benchmark: Annotated[str, Query(max_length=100, description="Name of a benchmark")] = "",
    layer: Annotated[str, Query(max_length=40, description="Found by this layer")] = "",
    finding: Annotated[str, Query(max_length=20, description="match, candidate or near")] = "",
    state: Annotated[str, Query(max_length=20, description="open, settled or judged")] = "",
) -> Filter:
    return Filter(benchmark=benchmark, layer=layer, finding=finding, state=state)


Wanted = Annotated[Filter, Depends(_filter)]
