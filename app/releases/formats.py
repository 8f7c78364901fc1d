"""The formats of releases: a file type and a layout, by the name people choose."""

from collections.abc import Collection, Mapping

from app.curation.records import Kind
from app.curation.writers.base import Writer
from app.curation.writers.jsonl import JsonLinesWriter
from app.curation.writers.layouts import Layout
from app.curation.writers.parquet import ParquetWriter

_LAYOUTS = {
    "": Layout.NATIVE,
    "messages": Layout.MESSAGES,
    "alpaca": Layout.ALPACA,
    "sharegpt": Layout.SHAREGPT,
    "text": Layout.TEXT,
    "dpo": Layout.DPO,
    "dpo-messages": Layout.DPO_MESSAGES,
    "kto": Layout.KTO,
    "kto-messages": Layout.KTO_MESSAGES,
    "reward": Layout.REWARD,
}

# "jsonl" and "parquet" hold the samples as the catalog does; "jsonl-messages" and so on re-shape.
FORMATS: Mapping[str, Writer] = {
    "-".join(part for part in (kind, name) if part): writer(layout=layout)
    for kind, writer in (("jsonl", JsonLinesWriter), ("parquet", ParquetWriter))
    for name, layout in _LAYOUTS.items()
}

_CHATS = frozenset({Kind.INSTRUCTION, Kind.CHAT, Kind.COMPLETION})


def usual(kinds: Collection[Kind]) -> list[str]:
    """The formats for rows of these kinds where nobody names any: what trainers of them read."""
    held = frozenset(kinds)
    if held == {Kind.PREFERENCE}:
        return ["jsonl-dpo", "jsonl-dpo-messages"]
    if held and held <= _CHATS:
        return ["jsonl", "jsonl-messages"]
    return ["jsonl"]
