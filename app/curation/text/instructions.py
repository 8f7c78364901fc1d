"""The 25 kinds of verifiable instruction of IFEval, each as a check of an answer.

Written from the descriptions in the paper (arXiv:2311.07911, appendix) and from what its public
checker accepts; words are runs of letters and digits, as there.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from app.curation.signals.language import language_of
from app.curation.text.sentences import sentences

Given = Mapping[str, Any]
Check = Callable[[str, Given], bool]

_WORD = re.compile(r"\w+")
_FENCE = re.compile(r"\A```(?:json)?\s*|\s*```\Z", re.IGNORECASE)
_CONSTRAINED = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_SHORT = 20  # letters; the language of shorter texts is a guess


def _compares(count: float, relation: str, wanted: float) -> bool:
    if relation not in {"at least", "less than"}:
        raise ValueError(relation)
    return count >= wanted if relation == "at least" else count < wanted


def _is_in(answer: str, language: str) -> bool:
    """Texts too short to tell count as in it, as they do in IFEval."""
    if sum(one.isalpha() for one in answer) < _SHORT:
        return True
    found = language_of(answer)[0]
    return found is None or found == language or {found, language} <= {"hr", "sr", "bs"}


def _existence(answer: str, given: Given) -> bool:
    return all(re.search(re.escape(one), answer, re.IGNORECASE) for one in given["keywords"])


def _frequency(answer: str, given: Given) -> bool:
    count = len(re.findall(re.escape(given["keyword"]), answer, re.IGNORECASE))
    return _compares(count, given["relation"], given["frequency"])


def _forbidden(answer: str, given: Given) -> bool:
    return not any(
        re.search(rf"(?<!\w){re.escape(one)}(?!\w)", answer, re.IGNORECASE)
        for one in given["forbidden_words"]
    )


def _letters(answer: str, given: Given) -> bool:
    count = answer.lower().count(given["letter"].lower())
    return _compares(count, given["let_relation"], given["let_frequency"])


def _language(answer: str, given: Given) -> bool:
    return _is_in(answer, given["language"])


def _sentences(answer: str, given: Given) -> bool:
    return _compares(len(sentences(answer)), given["relation"], given["num_sentences"])


def _words(answer: str, given: Given) -> bool:
    return _compares(len(_WORD.findall(answer)), given["relation"], given["num_words"])


def _paragraphs(answer: str, given: Given) -> bool:
    """Paragraphs parted by `***`; an empty one may stand at the ends alone."""
    parts = [one.strip() for one in re.split(r"\s?\*\*\*\s?", answer)]
    if any(not one for one in parts[1:-1]):
        return False
    return sum(map(bool, parts)) == int(given["num_paragraphs"])


def _first_word(answer: str, given: Given) -> bool:
    """So many paragraphs parted by empty lines, and one of them begins with this word."""
    parts = [one.strip() for one in answer.split("\n\n") if one.strip()]
    place = int(given["nth_paragraph"])
    if len(parts) != int(given["num_paragraphs"]) or not 0 < place <= len(parts):
        return False
    first = re.split(r"[.,?!\s]", parts[place - 1].lstrip("'\"“‘"), maxsplit=1)[0]
    return first.strip("'\"”’").lower() == str(given["first_word"]).lower()


def _placeholders(answer: str, given: Given) -> bool:
    return len(re.findall(r"\[[^\[\]\n]*\]", answer)) >= int(given["num_placeholders"])


def _postscript(answer: str, given: Given) -> bool:
    marker = given["postscript_marker"]
    known = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
    pattern = known.get(marker, re.escape(marker.lower()))
    return re.search(rf"^\s*{pattern}|\s{pattern}", answer.lower(), re.MULTILINE) is not None


def _bullets(answer: str, given: Given) -> bool:
    stars = re.findall(r"^\s*\*[^*].*$", answer, re.MULTILINE)
    dashes = re.findall(r"^\s*-.*$", answer, re.MULTILINE)
    return len(stars) + len(dashes) == int(given["num_bullets"])


def _constrained(answer: str, _given: Given) -> bool:
    return any(one in answer for one in _CONSTRAINED)


def _highlights(answer: str, given: Given) -> bool:
    single = [one for one in re.findall(r"\*([^\n*]*)\*", answer) if one.strip()]
    double = [one for one in re.findall(r"\*\*([^\n*]*)\*\*", answer) if one.strip()]
    return len(single) + len(double) >= int(given["num_highlights"])


def _sections(answer: str, given: Given) -> bool:
    pattern = rf"\s?{re.escape(given['section_spliter'])}\s?\d+\s?"
    return len(re.split(pattern, answer)) - 1 >= int(given["num_sections"])


def _json(answer: str, _given: Given) -> bool:
    try:
        json.loads(_FENCE.sub("", answer.strip()))
    except (ValueError, RecursionError):
        return False
    return True


def _title(answer: str, _given: Given) -> bool:
    return any(one.strip("<> ") for one in re.findall(r"<<[^\n]+>>", answer))


def _two(answer: str, _given: Given) -> bool:
    parts = [one.strip() for one in answer.split("******")]
    if any(not one for one in parts[1:-1]):
        return False
    told = [one for one in parts if one]
    return len(told) == 2 and told[0] != told[1]


def _repeats(answer: str, given: Given) -> bool:
    wanted = str(given["prompt_to_repeat"]).strip().lower()
    return answer.strip().lower().startswith(wanted)


def _ends(answer: str, given: Given) -> bool:
    wanted = str(given["end_phrase"]).strip().lower()
    return answer.strip().strip('"').lower().endswith(wanted)


def _capital_words(answer: str, given: Given) -> bool:
    count = sum(one.isupper() for one in re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", answer))
    return _compares(count, given["capital_relation"], given["capital_frequency"])


def _upper(answer: str, _given: Given) -> bool:
    return answer.isupper() and _is_in(answer.lower(), "en")


def _lower(answer: str, _given: Given) -> bool:
    return answer.islower() and _is_in(answer, "en")


def _no_comma(answer: str, _given: Given) -> bool:
    return "," not in answer


def _quoted(answer: str, _given: Given) -> bool:
    text = answer.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


CHECKS: Mapping[str, Check] = {
    "keywords:existence": _existence,
    "keywords:frequency": _frequency,
    "keywords:forbidden_words": _forbidden,
    "keywords:letter_frequency": _letters,
    "language:response_language": _language,
    "length_constraints:number_sentences": _sentences,
    "length_constraints:number_paragraphs": _paragraphs,
    "length_constraints:number_words": _words,
    "length_constraints:nth_paragraph_first_word": _first_word,
    "detectable_content:number_placeholders": _placeholders,
    "detectable_content:postscript": _postscript,
    "detectable_format:number_bullet_lists": _bullets,
    "detectable_format:constrained_response": _constrained,
    "detectable_format:number_highlighted_sections": _highlights,
    "detectable_format:multiple_sections": _sections,
    "detectable_format:json_format": _json,
    "detectable_format:title": _title,
    "combination:two_responses": _two,
    "combination:repeat_prompt": _repeats,
    "startend:end_checker": _ends,
    "change_case:capital_word_frequency": _capital_words,
    "change_case:english_capital": _upper,
    "change_case:english_lowercase": _lower,
    "punctuation:no_comma": _no_comma,
    "startend:quotation": _quoted,
}
