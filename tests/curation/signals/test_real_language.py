"""Languages of the Universal Declaration of Human Rights, paragraph by paragraph."""

from pathlib import Path

from app.curation.signals.batch import Batch
from app.curation.signals.language import LanguageOf
from tests.curation.records import text

LANGUAGES = {
    "ces": "cs",
    "cmn_hans": "zh",
    "deu": "de",
    "eng": "en",
    "fra": "fr",
    "jpn": "ja",
    "kor": "ko",
    "pol": "pl",
    "rus": "ru",
    "tur": "tr",
    "vie": "vi",
    "yor": "yo",
}


def test_the_declaration_of_human_rights(real_data: Path) -> None:
    for name, code in LANGUAGES.items():
        content = (real_data / "lang_udhr2" / f"{name}.txt").read_text(encoding="utf-8")
        paragraphs = [line for line in content.split("\n") if len(line) > 30]

        labels = LanguageOf().score(Batch([text(each) for each in paragraphs])).labels

        assert labels is not None
        assert labels.count(code) >= 0.95 * len(labels), name


def test_four_languages_from_forty_characters_on(real_data: Path) -> None:
    for name, code in {"eng": "en", "deu": "de", "fra": "fr", "spa": "es"}.items():
        words = (real_data / "lang_udhr2" / f"{name}.txt").read_text(encoding="utf-8").split()
        texts = [" ".join(words[at : at + 9]) for at in range(0, len(words) - 9, 9)]
        planted = [each for each in texts if len(each) >= 40]

        labels = LanguageOf().score(Batch([text(each) for each in planted])).labels

        assert labels is not None
        assert len(labels) > 100
        assert labels.count(code) >= 0.98 * len(labels), name
