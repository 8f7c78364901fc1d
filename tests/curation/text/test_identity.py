import json
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from app.curation.records import Kind
from app.curation.text.identity import content_hash


def test_the_hash_is_that_of_canonical_json() -> None:
    canonical = '["instruction",{"input":"","instruction":"é","output":"b"}]'

    body = {"output": "b", "instruction": "e\u0301", "input": ""}

    assert content_hash(Kind.INSTRUCTION, body) == sha256(canonical.encode()).digest()


def test_kind_and_every_word_count() -> None:
    hashes = {
        content_hash(Kind.TEXT, {"text": "a"}),
        content_hash(Kind.TEXT, {"text": "A"}),
        content_hash(Kind.COMPLETION, {"text": "a"}),
        content_hash(Kind.CHAT, {"messages": [{"role": "user", "content": "a"}]}),
        content_hash(Kind.CHAT, {"messages": [{"role": "user", "content": "b"}]}),
        content_hash(Kind.TEXT, {"text": "\ud800"}),
        content_hash(Kind.TEXT, {"text": "\udc00"}),
    }

    assert len(hashes) == 7


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_the_order_of_fields_does_not_count(body: dict[str, str]) -> None:
    turned = dict(reversed(body.items()))

    assert content_hash(Kind.TEXT, body) == content_hash(Kind.TEXT, json.loads(json.dumps(turned)))
