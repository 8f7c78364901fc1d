"""What turns a sentence into another claim while its words stay: a negation, another name."""

import re
from collections.abc import Iterator
from unicodedata import normalize

from app.curation.text.stems import WORD, stems

_NEGATION = re.compile(
    r"\b(?:not(?!\s+only)|never|cannot|without|neither|nor|none|nobody|nothing|no(?!,|\.\s?\d))\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)
# A first word is a name where what follows takes no plural.
_VERBS = frozenset(["is", "was", "has", "had", "became", "does", "did", "lies", "won", "wrote"])
_NO_NAMES = frozenset(
    [
        *("i", "it", "he", "she", "we", "they", "you", "this", "that", "these", "those", "there"),
        *("here", "who", "what", "which", "how", "when", "where", "why", "one", "each", "every"),
        *("all", "both", "everyone", "everything", "someone", "something", "another", "also"),
        *("the", "a", "an", "in", "on", "at", "by", "for", "from", "to", "of", "as", "and", "but"),
        *("or", "if", "so", "his", "her", "its", "their", "our", "my", "your", "mr", "mrs", "ms"),
        *("yes", "no", "not", "nobody", "nothing", "none", "neither", "either", "then", "dr"),
        *("after", "before", "during", "since", "until", "while", "with", "without", "although"),
    ]
)
_ACCENTS = re.compile(r"[\u0300-\u036f]")
# In German every noun has a capital, a name or not.
_GERMAN = frozenset(["der", "die", "das", "und", "nicht"])
_ENGLISH = frozenset(["the", "a", "and", "is", "of"])
_STEM = 4  # letters by which forms of a name are told alike
_ENDING = re.compile(r"(?:land|ese|ian|an|ish|ic|ia|[aeiys])$")
_PEOPLES = {
    "french": "france",
    "spanish": "spain",
    "dutch": "netherlands",
    "english": "england",
    "british": "britain",
    "greek": "greece",
    "danish": "denmark",
    "swedish": "sweden",
    "swiss": "switzerland",
    "polish": "poland",
    "turkish": "turkey",
    "irish": "ireland",
    "welsh": "wales",
}


def negated(sentence: str) -> list[frozenset[str]]:
    """For each negation the word of meaning behind it; nothing where it is the last."""
    found = []
    for one in _NEGATION.finditer(sentence):
        behind = (stems(word) for word in WORD.findall(sentence[one.end() :]))
        found.append(next(filter(None, behind), frozenset[str]()))
    return found


def contradicts(claim: str, source: str) -> str:
    """How a sentence denies what another says in the same words; empty where it does not."""
    mine, its = negated(claim), negated(source)
    if mine and not its:
        return "denies what the source says"
    words = stems(claim)
    if not mine and any(one <= words for one in its):
        return "says what the source denies"
    return ""


class Names:
    """The names that a source may be asked for; where capitals tell no names, it has all."""

    def __init__(self, source: str) -> None:
        words = [one.lower() for one in WORD.findall(_plain(source))]
        german = sum(one in _GERMAN for one in words) > sum(one in _ENGLISH for one in words)
        self._known = frozenset() if german else frozenset(words)
        self._initials = "".join(one[0] for one in words)

    def new(self, sentence: str) -> str:
        """The first name of a sentence that the source has not; empty where there is none."""
        return next((one for one in _names(sentence) if not self._has(_plain(one))), "")

    def _has(self, shown: str) -> bool:
        name = shown.lower()
        if not self._known or not self._known.isdisjoint({name, _PEOPLES.get(name, name)}):
            return True
        if shown.isupper():  # `MA` for Massachusetts, `NY` for New York
            return name in self._initials or self._begins(name)
        stem = _ENDING.sub("", name)
        return len(stem) >= _STEM and self._begins(stem)

    def _begins(self, stem: str) -> bool:
        return any(one.startswith(stem) for one in self._known)


def _names(sentence: str) -> Iterator[str]:
    found = list(WORD.finditer(sentence))
    for place, one in enumerate(found):
        word = one.group()
        if not (word[0].isupper() and len(word) > 1) or word.lower() in _NO_NAMES:
            continue
        before = sentence[found[place - 1].end() : one.start()] if place else ""
        after = found[place + 1].group() if place + 1 < len(found) else ""
        if before in {" ", ", "} or after in _VERBS:
            yield word


def _plain(text: str) -> str:
    """Without accents."""
    return text if text.isascii() else _ACCENTS.sub("", normalize("NFKD", text))
