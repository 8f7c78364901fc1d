"""Templates: one environment, the formats of numbers and times, icons."""

import math
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from fastapi.templating import Jinja2Templates
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.curation.text.code import looks_like_python
from app.web.cards import parts
from app.web.text import beside, diff, folded, marked, rendered

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "static"


@cache
def templates() -> Jinja2Templates:
    """The environment: autoescape for everything, undefined names are errors."""
    env = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters.update(
        number=number,
        decimal=decimal,
        tick=tick,
        short=short,
        percent=percent,
        ago=ago,
        when=when,
        duration=duration,
        size=size,
        rendered=rendered,
        marked=marked,
        folded=folded,
    )
    env.tests.update(program=looks_like_python)
    env.globals.update(diff=diff, beside=beside, version=_version(), card_parts=parts)
    return Jinja2Templates(env=env)


def render(request: Request, name: str, **context: Any) -> HTMLResponse:
    """A page or a fragment with the request's person and theme in reach."""
    state = request.state
    context.setdefault("me", getattr(state, "principal", None))
    context.setdefault("csrf", getattr(state, "csrf", ""))
    context.setdefault("theme", _cookie(request, "theme", ("light", "dark")))
    context.setdefault("density", _cookie(request, "density", ("compact",)))
    context.setdefault("partial", is_partial(request))
    return templates().TemplateResponse(request, name, context)


def is_partial(request: Request) -> bool:
    """Whether htmx asks for a fragment, not for a page."""
    return request.headers.get("HX-Request") == "true" and not request.headers.get("HX-Boosted")


def _cookie(request: Request, name: str, allowed: tuple[str, ...]) -> str:
    value = request.cookies.get(name, "")
    return value if value in allowed else ""


@cache
def _version() -> str:
    """Changes with our static files, so that browsers may keep them for ever."""
    newest = max((path.stat().st_mtime for path in STATIC.rglob("*.*")), default=0.0)
    return f"{int(newest):x}"


def number(value: float | None) -> str:
    """1,320; a dash where there is nothing."""
    return "–" if value is None else f"{value:,.0f}"


def decimal(value: float | None) -> str:
    """A score as people read it: three significant digits, no needless zeros."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    if abs(value) < 1:
        return f"{value:.3g}"
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def tick(value: float) -> str:
    """A value on an axis: whole from a hundred on."""
    return number(value) if abs(value) >= 100 else decimal(value)


def short(value: float) -> str:
    """A value where there is room for four signs: 26k, 1.2M, 0.18."""
    for unit, least, worth in (("M", 1e6, 1e6), ("k", 1e4, 1e3)):
        if abs(value) >= least:
            part = value / worth
            return f"{part:.1f}{unit}" if abs(part) < 10 else f"{part:.0f}{unit}"
    return f"{value:.2f}".rstrip("0").rstrip(".") if abs(value) < 10 else f"{value:.0f}"


def percent(part: float, whole: float) -> str:
    """48.0 %; a dash of nothing."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def when(value: datetime | None) -> str:
    """18 Nov 2026 16:20, UTC."""
    return "–" if value is None else f"{value.astimezone(UTC):%-d %b %Y %H:%M}"


def ago(value: datetime | None) -> str:
    """2 min, 3 h, 5 d: how long ago."""
    if value is None:
        return "–"
    return duration((datetime.now(UTC) - value).total_seconds())


def duration(seconds: float | None) -> str:
    """38 s, 12 min, 3 h, 5 d."""
    if seconds is None:
        return "–"
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def size(count: float) -> str:
    """12.4 MB, in powers of 1,000."""
    for unit, length in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= length:
            return f"{count / length:.1f} {unit}"
    return f"{count:.0f} B"
