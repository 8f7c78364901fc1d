"""The kinds of dirt in instructions, each as a rule that gives the reason or nothing."""

import re
from collections.abc import Mapping
from typing import Any

from app.curation.records import Kind
from app.curation.signals.language import language_of
from app.curation.text.parts import turns
from app.curation.text.small_words import SMALL_WORDS

_THING = r"(?:image|picture|photo(?:graph)?|figure|diagram|chart|graph|video|audio|screenshot|map)"
_FILE = r"(?:file|document|attachment|pdf|spreadsheet|dataset|data\s?set|link|url|website|article)"
_POINTS = re.compile(
    rf"\b(?:this|that|the|these|those)\s+(?:attached|following|given|provided|enclosed|linked)\s+{_THING}s?\b"
    rf"|\b(?:in|from|on|at|of|see|about|describe|caption)\s+(?:this|the)\s+{_THING}\b"
    rf"|\b{_THING}s?\s+(?:below|above|attached|provided|shown)\b"
    rf"|\b(?:attached|enclosed|uploaded|linked)\s+{_FILE}s?\b|\b{_FILE}s?\s+(?:attached|enclosed)\b"
    rf"|\b(?:following|given|this|the\s+provided)\s+(?:link|url|website|web\s+page)\b",
    re.IGNORECASE,
)
# What was pointed at may stand in the sample after all.
_THERE = re.compile(
    r"https?://|www\.|!\[|<img|data:image|\|.*\|.*\||^.{0,40}[,\t;].{0,40}[,\t;].*$", re.MULTILINE
)
POINTER_HINTS = (
    *("image", "picture", "photo", "figure", "diagram", "chart", "graph", "video", "audio"),
    *("screenshot", "map", "attach", "enclosed", "upload", "link", "url", "website", "web page"),
)
_NOTHING = re.compile(
    r"[\s.?!_\-<>\[\]()\"'“”]{0,9}(?:no\s?(?:input|output|answer|response)|n/?a|none|null|nan|"
    r"undefined|empty|blank|not applicable|tbd|todo|input|output)?[\s.?!_\-<>\[\]()\"'“”]{0,9}",
    re.IGNORECASE,
)
# Bounded, since hostile texts hold white space by the megabyte.
_NO_INPUT = re.compile(
    r"<\s{0,9}(?:no\s?(?:input|output))?\s{0,9}>|^[^\w\n]{0,9}(?:no ?input(?: (?:needed|required|"
    r"provided))?|n/?a|none|null|nan|not applicable)[^\w\n]{0,9}$",
    re.IGNORECASE | re.MULTILINE,
)
_OTHER_SAMPLE = re.compile(
    r"^[ \t]*(?:#{2,4}[ \t]*(?:instruction|input|response|output|question|human|user|assistant)\b"
    r"[ \t]*:?|instruction[ \t]*(?:\d{1,2}[ \t]*)?:|(?:human|user|assistant)[ \t]*:[^\n]{12})",
    re.IGNORECASE | re.MULTILINE,
)
# Who asks for these gets such marks rightly.
_ABOUT_SAMPLES = re.compile(
    r"\b(?:instructions?|tasks?|prompts?|dialog\w*|conversations?|chat\w*|interview|scripts?|"
    r"transcripts?|markdown|readme|users?)\b",
    re.IGNORECASE,
)
# fmt: off
_LANGUAGES = {
    "english": "en", "french": "fr", "spanish": "es", "german": "de", "italian": "it",
    "portuguese": "pt", "dutch": "nl", "russian": "ru", "chinese": "zh", "mandarin": "zh",
    "japanese": "ja", "korean": "ko", "arabic": "ar", "hindi": "hi", "turkish": "tr",
    "polish": "pl", "swedish": "sv", "greek": "el", "hebrew": "he", "latin": "la",
    "vietnamese": "vi", "thai": "th", "ukrainian": "uk", "czech": "cs", "danish": "da",
    "finnish": "fi", "hungarian": "hu", "romanian": "ro", "indonesian": "id", "malay": "ms",
}
# fmt: on
_KNOWN = frozenset(_LANGUAGES.values())
_NAMED = "|".join(_LANGUAGES)
_ASKED = re.compile(
    r"\b(?:write|answer|respond|reply|translate|say|tell|explain|summari[sz]e|rewrite|give|describe|"
    r"compose|create|generate|put|speak)\b[^.?!\n]{0,80}?"
    rf"\b(?:in(?:to)?|to)\s+(?:\w+\s+)?({_NAMED})(?=\s*(?:[.,:;!?)\"'\n]|$))",
    re.IGNORECASE,
)
_SPEAKS_OF_ONE = re.compile(
    rf"\b(?:{_NAMED}|translat\w*|language|bilingual|phrase|idiom|pronounc\w*)\b", re.IGNORECASE
)
# Most English texts have one word of these in five; where both sides do, no model is asked.
_ENGLISH = SMALL_WORDS["en"] | {
    *(
        "this",
        "at",
        "from",
        "an",
        "have",
        "has",
        "was",
        "were",
        "you",
        "your",
        "i",
        "my",
        "we",
        "our",
    ),
    *("they", "he", "she", "not", "can", "will", "would", "should", "who", "what", "how"),
}
_ENGLISH_SHARE = 0.12
_FEWEST_LETTERS = 40  # fewer tell too little about a language
_SURE = 0.9
# Lists of names and code are taken for any language.
_NO_PROSE = re.compile(r"[{}<>=;|\\]|```")
_SEPARATORS = re.compile(r"[,:\n•*]|\d\.")
_WORDS_BETWEEN = 3


def points_at_nothing(prompt: str) -> re.Match[str] | None:
    """Where the prompt points at an image, a file or a link that it does not hold."""
    found = _POINTS.search(prompt)
    return found if found is not None and not _THERE.search(prompt) else None


def is_nothing(answer: str) -> bool:
    """Whether the answer is blank, or a word for that."""
    return _NOTHING.fullmatch(answer) is not None


def has_no_input(kind: Kind, body: Mapping[str, Any], prompt: str) -> bool:
    """Whether a word for nothing stands where the input should be."""
    if kind is Kind.INSTRUCTION:
        given = str(body.get("input") or "").strip()
        return bool(given) and is_nothing(given)
    return _NO_INPUT.search(prompt) is not None


def merged_with(kind: Kind, body: Mapping[str, Any], prompt: str, answer: str) -> str | None:
    """The mark of another sample that stands within this one's texts."""
    texts = [str(one.get("content") or "") for one in turns(body)] if kind is Kind.CHAT else []
    inside = _OTHER_SAMPLE.search(prompt)
    if _ABOUT_SAMPLES.search(prompt, 0, inside.start() if inside else len(prompt)):
        return None
    before = ""
    for text in texts or (prompt, answer):
        found = _OTHER_SAMPLE.search(text)
        # One at the very start is how some write their prompts.
        if found is not None and (before + text[: found.start()]).strip():
            return found[0].strip()
        before += text
    return None


def wrong_language(prompt: str, answer: str) -> str | None:
    """Which language the answer is in, where another one was asked for or spoken."""
    asked = _ASKED.search(prompt)
    if asked is None and (_is_english(prompt, answer) or _SPEAKS_OF_ONE.search(prompt)):
        return None
    if not _is_prose(answer):
        return None
    if asked is not None and (
        _is_english(answer) if asked[1].lower() == "english" else '"' in answer
    ):
        return None  # it speaks of what it translates
    wanted = _LANGUAGES[asked[1].lower()] if asked else _spoken(prompt)
    found = _sure(answer) if wanted is not None else None
    return found if found in _KNOWN and found != wanted and _reads_as(found, answer) else None


def _reads_as(code: str, answer: str) -> bool:
    """Names and technical words in plain letters are taken for any language: small words decide."""
    if not answer[:400].isascii():
        return True
    words = answer[:400].lower().split()
    return sum(word in SMALL_WORDS.get(code, ()) for word in words) >= _ENGLISH_SHARE * len(words)


def _spoken(prompt: str) -> str | None:
    """The language of a prompt; a short one shows English by any of its small words."""
    return "en" if prompt.isascii() and _share(prompt) else _sure(prompt)


def _is_prose(text: str) -> bool:
    """Whether it is no list and no code; scripts without spaces have no words to count."""
    start = text[:400]
    words = len(start.split())
    listed = len(_SEPARATORS.findall(start)) * _WORDS_BETWEEN > max(words, _WORDS_BETWEEN)
    return not _NO_PROSE.search(start) and (not listed or not start.isascii())


def _sure(text: str) -> str | None:
    if sum(map(str.isalpha, text[:400])) < _FEWEST_LETTERS:
        return None
    label, certainty = language_of(text)
    return label if certainty >= _SURE else None


def _is_english(*texts: str) -> bool:
    return all(_share(text) >= _ENGLISH_SHARE for text in texts)


def _share(text: str) -> float:
    words = text[:400].lower().split()
    return sum(word in _ENGLISH for word in words) / max(len(words), 1)
