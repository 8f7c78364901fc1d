"""Every method that Winnow offers, by key: the one registration point."""

from collections.abc import Mapping

from app.curation.contamination.base import Layer
from app.curation.contamination.embedding import Embedding, Transformer
from app.curation.contamination.exact import Exact as ExactLayer
from app.curation.contamination.ngrams import Ngram7, Ngram13, Overlap8
from app.curation.contamination.syntax import Syntax
from app.curation.contamination.tfidf import Tfidf
from app.curation.generators.back_translation import BackTranslation
from app.curation.generators.base import Generator
from app.curation.generators.errors import Errors
from app.curation.generators.evolve import Evolve
from app.curation.generators.exercises import Exercises
from app.curation.generators.lab import Lab
from app.curation.generators.ladder import Ladder
from app.curation.generators.noise import Noise
from app.curation.generators.paraphrase import Paraphrase
from app.curation.generators.persona import Persona
from app.curation.generators.questions import Questions
from app.curation.generators.rephrase import Rephrase
from app.curation.generators.reversal import Reversal
from app.curation.generators.revise import Revise
from app.curation.generators.self_instruct import SelfInstruct
from app.curation.generators.steps import Steps
from app.curation.generators.textbook import Textbook
from app.curation.generators.verifiable import Verifiable
from app.curation.learners.base import Learner
from app.curation.learners.boosting import Boosting
from app.curation.learners.contrastive import Contrastive
from app.curation.learners.forest import Forest
from app.curation.learners.logistic import Logistic
from app.curation.learners.ridge import Ridge
from app.curation.matchers.base import Matcher
from app.curation.matchers.code import Code
from app.curation.matchers.exact import Exact
from app.curation.matchers.lines import Lines
from app.curation.matchers.minhash import MinHash
from app.curation.matchers.records import Records
from app.curation.matchers.semantic import Semantic
from app.curation.readers.base import Reader
from app.curation.readers.delimited import Delimited
from app.curation.readers.json_array import JsonArray
from app.curation.readers.jsonl import JsonLines
from app.curation.readers.parquet import Parquet
from app.curation.readers.text import PlainText
from app.curation.rules.profiles import PROFILES
from app.curation.selectors.base import Selector
from app.curation.selectors.quota import Quota
from app.curation.selectors.temperature import Temperature, TopK
from app.curation.signals.base import Measure, Signal
from app.curation.signals.c4 import C4
from app.curation.signals.code import CodeShape
from app.curation.signals.corruption import Corruption
from app.curation.signals.dirt import Dirt
from app.curation.signals.factoid import Factoid
from app.curation.signals.fineweb import FineWeb
from app.curation.signals.gopher_quality import GopherQuality
from app.curation.signals.gopher_repetition import GopherRepetition
from app.curation.signals.injection import Injection
from app.curation.signals.language import LanguageOf
from app.curation.signals.lengths import Lengths
from app.curation.signals.nemo_english import NemoEnglish
from app.curation.signals.pii_patterns import PiiPatterns
from app.curation.signals.placeholder import Placeholder
from app.curation.signals.readability import Readability
from app.curation.signals.refinedweb import RefinedWeb
from app.curation.signals.refusal import Refusal
from app.curation.signals.skills import Skills
from app.curation.signals.toxicity import Toxicity
from app.curation.signals.truncated import Truncated
from app.curation.verifiers.agreement import Agreement
from app.curation.verifiers.arithmetic import Arithmetic
from app.curation.verifiers.base import Verifier
from app.curation.verifiers.choice import Choice
from app.curation.verifiers.code_structure import CodeStructure
from app.curation.verifiers.code_tests import CodeTests
from app.curation.verifiers.consistency import Consistency
from app.curation.verifiers.constraints import Constraints
from app.curation.verifiers.grounded import Grounded
from app.curation.verifiers.json_schema import JsonSchema
from app.curation.verifiers.math_answer import MathAnswer
from app.curation.verifiers.plurality import Plurality
from app.curation.verifiers.round_trip import RoundTrip
from app.curation.writers.base import Writer
from app.curation.writers.jsonl import JsonLinesWriter
from app.curation.writers.parquet import ParquetWriter

__all__ = [
    "GENERATORS",
    "LAYERS",
    "LEARNERS",
    "MATCHERS",
    "MEASURES",
    "PROFILES",
    "READERS",
    "SELECTORS",
    "SIGNALS",
    "VERIFIERS",
    "WRITERS",
    "UnknownMethodError",
    "signal",
]


class UnknownMethodError(KeyError):
    """No method has this key."""

    def __str__(self) -> str:
        return str(self.args[0])


_SIGNALS: tuple[type[Signal], ...] = (
    Lengths,
    LanguageOf,
    Readability,
    GopherQuality,
    GopherRepetition,
    C4,
    FineWeb,
    RefinedWeb,
    NemoEnglish,
    Corruption,
    CodeShape,
    Skills,
    Refusal,
    Placeholder,
    Truncated,
    PiiPatterns,
    Toxicity,
    Injection,
    Factoid,
    Dirt,
)

_READERS: tuple[type[Reader], ...] = (JsonLines, JsonArray, Delimited, Parquet, PlainText)

READERS: Mapping[str, type[Reader]] = {each.key: each for each in _READERS}

_WRITERS: tuple[type[Writer], ...] = (JsonLinesWriter, ParquetWriter)

WRITERS: Mapping[str, type[Writer]] = {each.key: each for each in _WRITERS}

SIGNALS: Mapping[str, type[Signal]] = {each.key: each for each in _SIGNALS}

_MATCHERS: tuple[type[Matcher], ...] = (Exact, MinHash, Semantic, Lines, Records, Code)

MATCHERS: Mapping[str, type[Matcher]] = {each.key: each for each in _MATCHERS}

_LEARNERS: tuple[type[Learner], ...] = (Forest, Logistic, Ridge, Boosting, Contrastive)

LEARNERS: Mapping[str, type[Learner]] = {each.key: each for each in _LEARNERS}

_LAYERS: tuple[type[Layer], ...] = (
    ExactLayer,
    Ngram13,
    Ngram7,
    Overlap8,
    Syntax,
    Tfidf,
    Embedding,
    Transformer,
)

LAYERS: Mapping[str, type[Layer]] = {each.key: each for each in _LAYERS}

_SELECTORS: tuple[type[Selector], ...] = (TopK, Temperature, Quota)

SELECTORS: Mapping[str, type[Selector]] = {each.key: each for each in _SELECTORS}

_GENERATORS: tuple[type[Generator], ...] = (
    Textbook,
    Exercises,
    Questions,
    BackTranslation,
    Reversal,
    Persona,
    SelfInstruct,
    Evolve,
    Paraphrase,
    Rephrase,
    Steps,
    Verifiable,
    Revise,
    Lab,
    Errors,
    Noise,
    Ladder,
)

GENERATORS: Mapping[str, type[Generator]] = {each.key: each for each in _GENERATORS}

_VERIFIERS: tuple[type[Verifier], ...] = (
    CodeTests,
    CodeStructure,
    MathAnswer,
    Choice,
    Arithmetic,
    JsonSchema,
    Constraints,
    Grounded,
    Plurality,
    Agreement,
    Consistency,
    RoundTrip,
)

VERIFIERS: Mapping[str, type[Verifier]] = {each.key: each for each in _VERIFIERS}

MEASURES: Mapping[str, tuple[str, Measure]] = {
    measure.name: (each.key, measure) for each in _SIGNALS for measure in each.measures
}


def signal(key: str) -> type[Signal]:
    """The signal with this key, or an error that names those there are."""
    if key not in SIGNALS:
        raise UnknownMethodError(f"There is no signal {key!r}; there are {', '.join(SIGNALS)}.")
    return SIGNALS[key]
