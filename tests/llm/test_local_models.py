"""Models that workers load themselves: batches, ends, limits, and what is wrong with a folder."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from fastapi.testclient import TestClient
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from transformers import AutoModelForCausalLM, AutoTokenizer

from app.accounts.policies import Principal
from app.curation.ports import Message, ModelError, Question, Reply
from app.errors import ConflictError
from app.jobs.models import JobStatus, Queue
from app.judging import service as judging
from app.judging import trying
from app.judging.rubrics import get
from app.llm import service
from app.llm.models import LlmCall, LlmUsage, Provider
from app.llm.running import finished
from app.llm.service import ProviderIn
from app.providers import local_models, local_probe
from app.providers.local_chat import LocalChat
from tests import tiny_models
from tests.conftest import browser_of
from tests.factories import fill, instruction, make_dataset, run_job
from tests.judging.test_judging import scores

WORDS = ["red", "green", "blue", "one", "two", "three", "sun", "moon", "User:", "Assistant:"]
GRADE = '{"reason":"Short.","score":4}'
TEMPLATE = (
    "{% for turn in messages %}{% if turn.role == 'system' %}{{ raise_exception('none') }}"
    "{% endif %}{{ turn.content }} {% endfor %}sun"
)


def question(text: str, *, most: int = 8, temperature: float = 0.0) -> Question:
    return Question((Message("user", text),), temperature=temperature, max_tokens=most)


def asked(model: LocalChat, questions: Sequence[Question]) -> list[Reply]:
    async def all_of_them() -> list[Reply]:
        try:
            return await asyncio.gather(*(model.ask(one) for one in questions))
        finally:
            await model.close()

    return finished(all_of_them())


def by_hand(folder: Path, text: str, most: int) -> str:
    """Greedy, token by token, alone and without padding."""
    known = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)  # evaluates, as loaded
    ids = known(f"User: {text}\nAssistant:")["input_ids"]
    start = len(ids)
    for _ in range(most):
        with torch.no_grad():
            token = int(model(torch.tensor([ids])).logits[0, -1].argmax())
        if token == known.eos_token_id:
            break
        ids.append(token)
    text = str(known.decode(ids[start:], skip_special_tokens=True))
    return text.partition("\nUser:")[0].strip()


def test_a_batch_says_what_each_question_gets_alone(tmp_path: Path) -> None:
    """Questions of different lengths: padding on the left changes nothing."""
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS)
    texts = ["red", "green blue one", "two three sun moon red green blue", "moon moon"]

    replies = asked(LocalChat(str(folder), at_once=4), [question(one) for one in texts])

    assert [one.text for one in replies] == [by_hand(folder, one, 8) for one in texts]
    assert len({one.text for one in replies}) > 1
    assert [one.tokens_in for one in replies] == [2 + len(one.split()) for one in texts]
    assert all(one.seconds > 0 for one in replies)


def test_it_ends_where_the_model_ends_or_where_no_more_is_allowed(tmp_path: Path) -> None:
    folder = tiny_models.chain(tmp_path / "chain", {"Assistant:": "yes", "sun": "sun"})
    endless = tiny_models.chain(tmp_path / "endless", {"Assistant:": "so", "so": "so"})

    (ended,) = asked(LocalChat(str(folder)), [question("a b")])
    (cut,) = asked(LocalChat(str(endless)), [question("a b", most=5)])

    assert (ended.text, ended.finish, ended.tokens_out) == ("yes", "stop", 2)
    assert (cut.text, cut.finish, cut.tokens_out) == ("so so so so so", "length", 5)


def test_the_model_s_own_template_is_used_and_one_without_system_turns_gets_their_text(
    tmp_path: Path,
) -> None:
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS, template=TEMPLATE)
    told = Question((Message("system", "red"), Message("user", "green blue")), max_tokens=2)

    (reply,) = asked(LocalChat(str(folder)), [told])

    assert reply.tokens_in == 4  # red, green, blue, and the template's own word


def test_a_question_that_is_too_long_is_refused_alone(tmp_path: Path) -> None:
    folder = tiny_models.chain(tmp_path / "chain", {"Assistant:": "yes"}, length=16)
    model = LocalChat(str(folder))

    async def both() -> list[Reply | BaseException]:
        texts = ["word " * 40, "word"]
        return await asyncio.gather(
            *(model.ask(question(one)) for one in texts), return_exceptions=True
        )

    long, short = finished(both())

    assert isinstance(long, ModelError)
    assert "has 42 tokens" in str(long)
    assert "reads 16 in all" in str(long)
    assert not long.fatal
    assert isinstance(short, Reply)
    assert short.text == "yes"


def test_warm_questions_are_drawn_and_apart_from_cold_ones(tmp_path: Path) -> None:
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS)
    questions = [question("red"), *(question("red", temperature=5.0) for _ in range(8))]

    cold, *warm = asked(LocalChat(str(folder)), questions)

    assert cold.text == by_hand(folder, "red", 8)
    assert len({one.text for one in warm}) > 4


def test_a_model_is_loaded_once(tmp_path: Path) -> None:
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS)

    asked(LocalChat(str(folder)), [question("red")])
    first = local_models.load(str(folder))
    asked(LocalChat(str(folder)), [question("green")])

    assert local_models.load(str(folder)) is first


def test_short_memory_halves_the_batch_and_then_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_models.chain(tmp_path / "chain", {"Assistant:": "yes"})
    held = local_models.load(str(folder))
    write, sizes = held.model.generate, []

    def little_room(most: int) -> None:
        def generate(**given: torch.Tensor) -> object:
            sizes.append(len(given["input_ids"]))
            if sizes[-1] > most:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
            return write(**given)

        monkeypatch.setattr(held.model, "generate", generate)

    little_room(2)
    replies = asked(LocalChat(str(folder)), [question("a")] * 4)
    assert [one.text for one in replies] == ["yes"] * 4
    assert sizes == [4, 2, 2]

    little_room(0)
    with pytest.raises(ModelError, match="does not fit into the memory") as caught:
        asked(LocalChat(str(folder)), [question("a")])
    assert caught.value.fatal


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("config.json", "config.json is missing"),
        ("model.safetensors", "no weights as safetensors"),
        ("tokenizer.json", "has no tokenizer"),
    ],
)
def test_what_a_folder_lacks_is_named(tmp_path: Path, missing: str, words: str) -> None:
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS)
    (folder / missing).unlink()
    (folder / "tokenizer_config.json").unlink()

    with pytest.raises(ModelError, match=words):
        local_models.load(str(folder))


def test_a_model_that_can_t_write_and_a_folder_that_is_none_are_refused(tmp_path: Path) -> None:
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS)
    config = json.loads((folder / "config.json").read_text())
    config["architectures"] = ["GPT2ForSequenceClassification"]
    (folder / "config.json").write_text(json.dumps(config))

    with pytest.raises(ModelError, match="no causal language model"):
        local_models.load(str(folder))
    with pytest.raises(ModelError, match="There is no folder"):
        local_models.load(str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="no folder and no name on the hub"):
        local_models.fingerprint("what is this?")
    assert local_models.fingerprint("a/b@main") == "hub:a/b@main"


def test_a_trial_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    folder = tiny_models.chain(tmp_path / "chain", {"Assistant:": "ready"})

    reply = local_probe.ask_once(str(folder), question("a"))

    assert (reply.text, reply.finish) == ("ready", "stop")
    (folder / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="chain"):
        local_probe.ask_once(str(folder), question("a"))


@pytest.fixture
def provider(session: Session, admin: Principal, tmp_path: Path) -> Provider:
    folder = tiny_models.chain(tmp_path / "grader", {"Assistant:": GRADE})
    given = ProviderIn.model_validate({"name": "tiny", "kind": "local", "model": str(folder)})
    made = service.save(session, given, by=admin)
    session.commit()
    return made


def test_a_local_model_judges_and_is_not_asked_twice(
    session: Session, lead: Principal, provider: Provider, bells: list[str]
) -> None:
    made = make_dataset(session, lead)
    fill(session, made, lead, [instruction(f"Question {n}?") for n in range(12)])
    order = judging.Order(rubric="accuracy_judge", provider="tiny")

    job = run_job(session, judging.start(session, made, order, by=lead).id)
    again = run_job(session, judging.start(session, made, order, by=lead).id)

    assert (job.status, job.error, job.queue) == (JobStatus.SUCCEEDED, None, Queue.GPU)
    assert scores(session, made) == [4.0] * 12
    assert session.scalar(select(func.count()).select_from(LlmCall)) == 12
    first, second = session.scalars(select(LlmUsage).order_by(LlmUsage.id)).all()
    assert (first.calls, first.tokens_out) == (12, 24)
    assert (second.calls, second.reused) == (0, 12)
    assert again.result["calls"] == 0


def test_weights_that_changed_hold_the_job_and_saved_again_write_beside(
    session: Session, lead: Principal, admin: Principal, provider: Provider, bells: list[str]
) -> None:
    made = make_dataset(session, lead)
    fill(session, made, lead, [instruction(f"Question {n}?") for n in range(3)])
    order = judging.Order(rubric="accuracy_judge", provider="tiny")
    run_job(session, judging.start(session, made, order, by=lead).id)
    tiny_models.chain(Path(provider.model), {"Assistant:": GRADE.replace("4", "1")})
    with_more = judging.Order(rubric="helpfulness_judge", provider="tiny")

    job = run_job(session, judging.start(session, made, with_more, by=lead).id)

    assert job.status is JobStatus.PAUSED
    assert "changed since the provider was saved" in str(job.error)
    given = {"name": "tiny", "kind": "local", "model": provider.model}
    service.save(session, ProviderIn.model_validate(given), by=admin)
    run_job(session, judging.start(session, made, order, by=lead).id)
    assert scores(session, made) == [4.0] * 3
    assert scores(session, made, "accuracy_judge_tiny") == [1.0] * 3


def test_a_page_does_not_load_a_model(
    session: Session, lead: Principal, provider: Provider, bells: list[str]
) -> None:
    made = make_dataset(session, lead)

    with pytest.raises(ConflictError, match="workers load it"):
        trying.on_some(session, made, get(session, "accuracy_judge").rubric, "tiny", by=lead)


def test_over_rest_and_in_the_browser(
    session: Session, admin: Principal, admin_api: TestClient, tmp_path: Path
) -> None:
    folder = tiny_models.chain(tmp_path / "tiny", {"Assistant:": "ready"})
    browser = browser_of(session, admin)
    body = {"name": "small", "kind": "local", "model": str(folder)}

    made = admin_api.post("/providers", json=body)
    saved = browser.post("/settings/providers", data={**body, "name": "page"})
    wrong = admin_api.post("/providers", json={**body, "model": str(tmp_path / "nowhere")})
    both = admin_api.post("/providers", json={**body, "url": "https://example.org/v1"})

    assert made.status_code == 201
    assert made.json()["kind"] == "local"
    assert "in workers" in saved.text
    assert wrong.status_code == 422
    assert "There is no folder" in wrong.json()["detail"]
    assert "a local model has no URL" in both.text
    found = admin_api.post("/providers/small/test").json()
    assert found["ok"] is True
    assert "It answered “ready”" in found["message"]
    shutil.rmtree(folder)
    found = admin_api.post("/providers/small/test").json()
    assert found == {"ok": False, "message": f"There is no folder {folder} on this machine."}


def test_files_that_are_damaged_are_said_to_be(tmp_path: Path) -> None:
    weights = tiny_models.drawn(tmp_path / "weights", WORDS)
    (weights / "model.safetensors").write_bytes(b"no weights at all")
    config = tiny_models.drawn(tmp_path / "config", WORDS)
    (config / "config.json").write_text("{")
    words = tiny_models.drawn(tmp_path / "words", WORDS)
    (words / "tokenizer.json").write_text("{")

    for folder, said in [(weights, "loaded"), (config, "read"), (words, "tokenizer")]:
        with pytest.raises(ModelError, match=said) as caught:
            local_models.load(str(folder))
        assert caught.value.fatal


def test_a_template_that_fails_for_another_reason_fails(tmp_path: Path) -> None:
    template = "{{ raise_exception('never') }}"
    folder = tiny_models.drawn(tmp_path / "tiny", WORDS, template=template)

    with pytest.raises(Exception, match="never"):
        asked(LocalChat(str(folder)), [question("red")])


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import os; os.kill(os.getpid(), 9)", "ended by signal 9"),
        ("raise SystemExit('no module')", "could not be tried: no module"),
        ("import time; time.sleep(9)", "did not answer within 1 s"),
    ],
)
def test_a_trial_that_dies_is_told(monkeypatch: pytest.MonkeyPatch, code: str, words: str) -> None:
    run = subprocess.run

    def other(command: list[str], **how: Any) -> object:
        return run([command[0], "-c", code], **how)

    monkeypatch.setattr(subprocess, "run", other)
    monkeypatch.setattr(local_probe, "_LONGEST_S", 1.0)

    with pytest.raises(ModelError, match=words):
        local_probe.ask_once("tiny", question("red"))
