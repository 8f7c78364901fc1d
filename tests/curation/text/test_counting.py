"""Words of texts with and without spaces."""

import pytest

from app.curation.text.counting import count_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("two words", 2),
        ("ein Mädchen", 2),
        ("你好 世界", 4),
        ("用 Python 写", 3),
        ("かな", 2),
    ],
)
def test_words(text: str, words: int) -> None:
    assert count_words(text) == words
