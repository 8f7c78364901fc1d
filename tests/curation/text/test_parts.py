import pytest

from app.curation.records import Kind
from app.curation.signals.batch import Batch
from app.curation.text.parts import full_text, prompt_text, response_text
from tests.curation.records import answer, chat, text


def test_the_parts_of_an_instruction() -> None:
    body = {"instruction": "Add.", "input": "1 2", "output": "3"}

    assert full_text(Kind.INSTRUCTION, body) == "Add.\n\n1 2\n\n3"
    assert prompt_text(Kind.INSTRUCTION, body) == "Add.\n\n1 2"
    assert response_text(Kind.INSTRUCTION, body) == "3"


def test_the_parts_of_a_chat() -> None:
    body = chat(("system", "Be brief."), ("user", "Hi"), ("assistant", "Hello")).body

    assert full_text(Kind.CHAT, body) == "Be brief.\n\nHi\n\nHello"
    assert prompt_text(Kind.CHAT, body) == "Be brief.\n\nHi"
    assert response_text(Kind.CHAT, body) == "Hello"


@pytest.mark.parametrize("kind", Kind)
def test_missing_fields_are_no_text(kind: Kind) -> None:
    assert full_text(kind, {}) == prompt_text(kind, {}) == response_text(kind, {}) == ""


def test_a_batch_is_a_sequence_of_its_records() -> None:
    records = [text("a"), answer("b", "q"), text("c")]

    batch = Batch(records)

    assert len(batch) == 3
    assert batch[1] is records[1]
    assert batch[1:] == records[1:]
    assert batch.prompts == ["", "q", ""]
    assert batch.responses == ["a", "b", "c"]
