"""The dataset card: what is in a release, where it comes from, what its licences ask for."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.curation.writers.base import WrittenFile

_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
_LARGEST = "n>10M"
_PART = re.compile(r"-\d{5}$")
_CODE = re.compile(r"[a-z]{2,3}")  # of a language
_ABOUT_TEXT = "Name the authors and the licence, and say what was changed."
_OBLIGATIONS: Sequence[tuple[str, str]] = (
    ("CC-BY-NC-ND", f"{_ABOUT_TEXT} No commercial use, no changed versions."),
    ("CC-BY-NC-SA", f"{_ABOUT_TEXT} No commercial use; share changes under the same licence."),
    ("CC-BY-NC", f"{_ABOUT_TEXT} No commercial use."),
    ("CC-BY-ND", f"{_ABOUT_TEXT} No changed versions."),
    ("CC-BY-SA", f"{_ABOUT_TEXT} Share changes under the same licence."),
    ("CC-BY", _ABOUT_TEXT),
    ("CC0", "None."),
    ("PDDL", "None."),
    ("ODC-BY", "Name the database and its licence."),
    ("ODbL", "Name the database and its licence; share changed databases under the same licence."),
    ("Apache", "Keep the licence text and notices, and say what was changed."),
    ("MIT", "Keep the copyright notice and the licence text."),
    ("BSD", "Keep the copyright notice and the licence text."),
)
_UNKNOWN = "Not known here; read the licence before you pass the data on."


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that a card says. `counts` are rows by value, by facet: source, licence, kind, .."""

    name: str
    summary: str
    files: Sequence[WrittenFile]
    counts: Mapping[str, Mapping[str, int]]
    recipe: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)


def card(facts: CardFacts) -> str:
    """The card in Markdown with the header that dataset hubs read; equal facts, equal text."""
    parts = [
        _header(facts),
        f"# {_plain(facts.name)}",
        facts.summary.strip(),
        *(_facet(name, facts.counts[name]) for name in sorted(facts.counts)),
        _licences(facts.counts.get("licence", {})),
        _files(facts.files),
        _left_out(facts.left_out),
        _recipe(facts.recipe),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def obligation(licence: str) -> str:
    """What the licence (an SPDX name) asks of who passes the data on, in short."""
    wanted = licence.lower()
    return next((text for spdx, text in _OBLIGATIONS if wanted.startswith(spdx.lower())), _UNKNOWN)


def _header(facts: CardFacts) -> str:
    rows = max((file.rows for file in facts.files), default=0)  # the same samples in each
    licences = sorted(facts.counts.get("licence", {}))
    languages = sorted(one for one in facts.counts.get("language", {}) if _CODE.fullmatch(one))
    header = {
        "pretty_name": facts.name,
        "license": licences[0].lower() if len(licences) == 1 else "other",
        **({"language": languages} if languages else {}),
        "size_categories": [next((name for limit, name in _SIZES if rows < limit), _LARGEST)],
        "configs": _configs(facts.files),
    }
    # JSON is YAML, and quotes what YAML would take for something else.
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in header.items()]
    return "\n".join(["---", *lines, "---"])


def _configs(files: Sequence[WrittenFile]) -> list[dict[str, Any]]:
    """One per format, since their columns differ; the first is what a loader takes unasked."""
    by_format: dict[str, list[str]] = {}
    for file in files:
        by_format.setdefault(_PART.sub("", file.name.partition(".")[0]), []).append(file.name)
    return [
        {"config_name": name, "data_files": names, **({"default": True} if place == 0 else {})}
        for place, (name, names) in enumerate(by_format.items())
    ]


def _facet(name: str, counts: Mapping[str, int]) -> str:
    total = sum(counts.values())
    rows = [
        (value or "(none)", f"{count:,}", f"{count / total:.1%}")
        for value, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if count
    ]
    title = name.replace("_", " ").capitalize()
    return f"## {title}\n\n{_table((title, 'Rows', 'Share'), rows)}" if rows else ""


def _licences(counts: Mapping[str, int]) -> str:
    rows = [(licence or "(none)", obligation(licence)) for licence in sorted(counts)]
    return (
        f"## What the licences ask for\n\n{_table(('Licence', 'In short'), rows)}" if rows else ""
    )


def _files(files: Sequence[WrittenFile]) -> str:
    rows = [(file.name, f"{file.rows:,}", f"{file.bytes:,}", file.sha256) for file in files]
    return f"## Files\n\n{_table(('File', 'Rows', 'Bytes', 'SHA-256'), rows)}"


def _left_out(counts: Mapping[str, int]) -> str:
    rows = [(reason, f"{counts[reason]:,}") for reason in sorted(counts)]
    return f"## Left out\n\n{_table(('Reason', 'Rows'), rows)}" if rows else ""


def _recipe(recipe: Mapping[str, Any]) -> str:
    if not recipe:
        return ""
    written = json.dumps(recipe, indent=2, sort_keys=True, ensure_ascii=False)
    # A longer fence than any in the recipe, so that no text in it can end the block.
    fence = "`" * (3 + written.count("`"))
    return f"## Recipe\n\n{fence}json\n{written}\n{fence}"


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(_plain(cell) for cell in line)} |" for line in lines)


def _plain(text: str) -> str:
    """Text on one line that is no table, tag or link in Markdown."""
    escaped = text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
    return " ".join(escaped.replace("[", "\\[").split())
