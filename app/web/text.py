"""Sample text for the page: Markdown from a sanitised tree, marks, diffs. All of it is hostile."""

import difflib
import html
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name
from pygments.util import ClassNotFound

_TAGS = {
    *("p", "br", "strong", "em", "s", "code", "pre", "ol", "ul", "li", "blockquote", "hr"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td", "span"),
}
_FOLD_AT = 2_400  # characters; about 12 lines of the reading column hold 900, a screen 2,400
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_DIFF_LIMIT = 20_000  # words; difflib is quadratic


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt(
        "commonmark", {"html": False, "linkify": False, "breaks": True, "highlight": _code}
    ).enable("table")


def _code(source: str, language: str, _attrs: str) -> str:
    try:
        lexer = get_lexer_by_name(language) if language else TextLexer()
    except ClassNotFound:
        lexer = TextLexer()
    inner: str = highlight(source, lexer, HtmlFormatter(nowrap=True))
    return f'<pre class="code">{inner}</pre>'


# What only somebody who writes Markdown writes. A lone star or number sign is data: in 80/100*10
# nothing is emphasised, and `#### 35` is how an answer is marked, not a heading.
_IS_MARKDOWN = re.compile(
    r"^(```|~~~)|\*\*\S[^*\n]*\*\*|^#{1,3} \S.*$|^\|.+\|[ \t]*$"
    r"|^[ \t]*([-*+]|\d+[.)]) \S.*\n(.*\n)?[ \t]*([-*+]|\d+[.)]) \S",
    re.MULTILINE,
)


def rendered(text: str) -> Markup:
    """Markdown as HTML, where it is Markdown; other text as it is.

    No raw HTML, no links, no images; invisible characters are shown.
    """
    if not _IS_MARKDOWN.search(text):
        return marked(text)
    clean = nh3.clean(
        _markdown().render(text),
        tags=_TAGS,
        attributes={"pre": {"class"}, "span": {"class"}, "code": {"class"}},
        link_rel=None,
    )
    return Markup(_show_invisible(clean))  # noqa: S704 - cleaned by nh3 just above


def marked(text: str, words: Sequence[str] = ()) -> Markup:
    """Plain text, escaped, with search hits marked and invisible characters shown."""
    if not words:
        return Markup(_show_invisible(html.escape(text)))  # noqa: S704 - escaped
    hit = re.compile("|".join(re.escape(word) for word in words), re.IGNORECASE)
    parts, last = [], 0
    for match in hit.finditer(text):
        parts += [html.escape(text[last : match.start()]), "<mark class='hit'>"]
        parts += [html.escape(match.group()), "</mark>"]
        last = match.end()
    parts.append(html.escape(text[last:]))
    return Markup(_show_invisible("".join(parts)))  # noqa: S704 - escaped


def folded(text: str) -> tuple[str, str]:
    """What is shown at once and what unfolds; the second part is empty for short text."""
    if len(text) <= _FOLD_AT:
        return text, ""
    cut = text.rfind("\n", 0, _FOLD_AT)
    cut = cut if cut > _FOLD_AT // 2 else _FOLD_AT
    return text[:cut], text[cut:]


def diff(old: str, new: str) -> Markup:
    """The words that went, struck out, and those that came, underlined."""
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    if len(before) + len(after) > _DIFF_LIMIT:
        before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    parts = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        gone, come = html.escape("".join(before[i1:i2])), html.escape("".join(after[j1:j2]))
        if kind == "equal":
            parts.append(gone)
            continue
        parts.append(f"<del>{gone}</del>" if gone else "")
        parts.append(f"<ins>{come}</ins>" if come else "")
    return Markup(_show_invisible("".join(parts)))  # noqa: S704 - escaped


_ALIKE = 0.5  # of texts less alike than this, marks would cover all
_WITH_SPACE = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")
# Pairs of equal words in both, which is what comparing them takes: some 20 ms for 10,000. Of 8,195
# pairs of real answers that were measured, 26 that are alike have more than this.
_SIDES_LIMIT = 20_000


def beside(one: str, other: str) -> tuple[Markup, Markup] | None:
    """Two texts that stand side by side, each with the words marked that the other has not.

    None where they are not alike, or would take too long to compare while somebody waits.
    """
    left, right = _WITH_SPACE.findall(one), _WITH_SPACE.findall(other)
    often = Counter(right)
    if sum(count * often[word] for word, count in Counter(left).items()) > _SIDES_LIMIT:
        return None
    matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
    if matcher.quick_ratio() < _ALIKE or matcher.ratio() < _ALIKE:
        return None
    sides: tuple[list[str], list[str]] = ([], [])
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        for parts, words in zip(sides, (left[i1:i2], right[j1:j2]), strict=True):
            said = html.escape("".join(words))
            parts.append(said if kind == "equal" or not said else f"<mark>{said}</mark>")
    marked_ = [Markup(_show_invisible("".join(one))) for one in sides]  # noqa: S704 - escaped
    return marked_[0], marked_[1]


_INVISIBLE = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufffd]")
_SHORT = {"\u200b": "ZWSP", "\u200d": "ZWJ", "\ufeff": "BOM", "\u00ad": "SHY", "\ufffd": "?"}


def _show_invisible(markup: str) -> str:
    return _INVISIBLE.sub(_named, markup)


def _named(match: re.Match[str]) -> str:
    sign = match.group()
    short = _SHORT.get(sign) or "".join(
        word[0] for word in unicodedata.name(sign, f"U+{ord(sign):04X}").split()
    )
    return f'<span class="inv">{short}</span>'
