"""Phrases found in one pass, against a search for each."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from app.curation.text.corpus import Corpus
from app.curation.text.phrases import find_phrases

PHRASES = ("likes", "like", "read more", "items", "sign-in")
KELVIN = "\u212a"


@given(st.lists(st.lists(st.sampled_from([*PHRASES, "LIKES", " ", "Rea", "é", "l"])).map("".join)))
@example([f"li{KELVIN}es", "lik", "Read\tmore", "READ MORE", "", "l"])
def test_as_a_search_in_small_letters(texts: list[str]) -> None:
    corpus = Corpus.of(texts)

    found = find_phrases(corpus.codes, corpus.offsets[:-1], corpus.offsets[1:], PHRASES)

    wanted = [sum((each in text.lower()) << n for n, each in enumerate(PHRASES)) for text in texts]
    np.testing.assert_array_equal(found, wanted)
