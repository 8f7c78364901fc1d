"""The demo dataset holds what its README promises."""

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.demo import FILES, FLAWS, FOLDER, GUIDELINES

KINDS = {"instructions": 310, "chats": 70, "completions": 20}
DOMAINS = {
    "math": 80,
    "code": 80,
    "reasoning": 70,
    "conversation": 60,
    "safety": 50,
    "identity": 60,
}
LAYOUTS = {
    "instructions": {"instruction", "input", "output"},
    "chats": {"messages"},
    "completions": {"signature", "docstring", "solution", "tests"},
}
COMMON = {"id", "domain", "topic", "judge_score", "edu_score", "judge_reason", "model"}

Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


ROWS = {path.stem: read(path) for path in FILES}
BY_ID = {row["id"]: row for rows in ROWS.values() for row in rows}
NOTES: dict[str, Any] = json.loads(FLAWS.read_text(encoding="utf-8"))
FLAWED: dict[str, list[str]] = NOTES["flaws"]
TWINS: dict[str, list[str]] = NOTES["twins"]


def flawed_by(flaw: str) -> list[str]:
    return [key for key, flaws in FLAWED.items() if flaw in flaws]


def text_of(row: Row) -> str:
    if "messages" in row:
        return "\n".join(message["content"] for message in row["messages"])
    fields = ("instruction", "input", "output", "signature", "docstring", "solution", "tests")
    return "\n".join(row[field] for field in fields if field in row)


def answer_of(row: Row) -> str:
    answer = row["messages"][-1]["content"] if "messages" in row else row["output"]
    assert isinstance(answer, str)
    return answer


def table(heading: str) -> dict[str, list[str]]:
    section = (FOLDER / "README.md").read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    lines = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("|")]
    cells = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in lines[2:]]
    return {row[0]: row[1:] for row in cells}


def ranks(values: list[float]) -> list[float]:
    ordered = sorted(values)
    count = Counter(values)
    return [ordered.index(value) + (count[value] - 1) / 2 for value in values]


def test_there_are_400_lines_with_unique_ids() -> None:
    assert {kind: len(rows) for kind, rows in ROWS.items()} == KINDS
    assert len(BY_ID) == 400


def test_the_domains_have_the_promised_sizes() -> None:
    assert Counter(row["domain"] for row in BY_ID.values()) == DOMAINS
    assert {domain: int(cells[-1]) for domain, cells in table("Domains").items()} == DOMAINS
    for domain, cells in table("Domains").items():
        counts = [sum(row["domain"] == domain for row in rows) for rows in ROWS.values()]
        assert [int(cell) for cell in cells[:3]] == counts


@pytest.mark.parametrize("kind", KINDS)
def test_every_line_has_the_fields_of_its_layout(kind: str) -> None:
    for row in ROWS[kind]:
        assert set(row) == COMMON | LAYOUTS[kind]
        assert re.fullmatch(rf"demo-{row['domain']}-\d{{3}}", row["id"])
        assert all(row[field] for field in COMMON - {"edu_score"}), row["id"]
        assert text_of(row).strip()


def test_chats_begin_with_the_user_and_end_with_the_assistant() -> None:
    for row in ROWS["chats"]:
        roles = [message["role"] for message in row["messages"]]
        turns = roles[1:] if roles[0] == "system" else roles
        assert turns == ["user", "assistant"] * (len(turns) // 2), row["id"]
        assert turns
        assert all(message["content"].strip() for message in row["messages"])


def test_scores_are_in_range_and_in_half_steps() -> None:
    for row in BY_ID.values():
        assert 1 <= row["judge_score"] <= 5
        assert 0 <= row["edu_score"] <= 5
        assert (row["judge_score"] * 2).is_integer()
        assert (row["edu_score"] * 2).is_integer()


def test_the_judge_is_good_but_not_perfect() -> None:
    score = ranks([row["judge_score"] for row in BY_ID.values()])
    sound = ranks([float(key not in FLAWED) for key in BY_ID])
    middle = (len(BY_ID) - 1) / 2
    pairs = [(a - middle, b - middle) for a, b in zip(score, sound, strict=True)]
    spread = sum(a * a for a, _ in pairs) * sum(b * b for _, b in pairs)
    assert 0.6 <= sum(a * b for a, b in pairs) / spread**0.5 <= 0.75
    fooled = [key for key in FLAWED if BY_ID[key]["judge_score"] >= 4]
    harsh = [k for k, row in BY_ID.items() if k not in FLAWED and row["judge_score"] <= 3]
    assert 8 <= len(fooled) <= 14
    assert 12 <= len(harsh) <= 20


def test_every_flaw_is_in_the_legend_and_counted_in_the_readme() -> None:
    assert set(FLAWED) <= set(BY_ID)
    counts = Counter(flaw for flaws in FLAWED.values() for flaw in flaws)
    assert set(counts) == set(NOTES["legend"])
    promised = {flaw: (int(cells[0]), cells[1]) for flaw, cells in table("Planted flaws").items()}
    assert promised == {flaw: (counts[flaw], text) for flaw, text in NOTES["legend"].items()}


@pytest.mark.parametrize("row", ROWS["completions"], ids=lambda row: str(row["id"]))
def test_a_completion_passes_its_tests_unless_planted(row: Row) -> None:
    code = f"{row['solution']}\n\n{row['tests']}\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], capture_output=True, timeout=20, check=False
    )
    assert (done.returncode != 0) == ("failing_code" in FLAWED.get(row["id"], [])), done.stderr


def test_one_planted_completion_does_not_parse() -> None:
    broken = []
    for key in flawed_by("failing_code"):
        try:
            compile(BY_ID[key]["solution"], key, "exec")
        except SyntaxError:
            broken.append(key)
    assert len(broken) == 1


def test_python_in_sound_answers_runs() -> None:
    blocks = [
        block
        for key, row in BY_ID.items()
        if key not in FLAWED and row["domain"] == "code" and "solution" not in row
        for block in re.findall(r"```python\n(.*?)```", answer_of(row), re.DOTALL)
    ]
    assert len(blocks) >= 10
    script = "\n".join(f"exec(compile({block!r}, 'block', 'exec'), {{}})" for block in blocks)
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_near_copies_share_most_words_with_their_twin() -> None:
    assert sorted(TWINS) == sorted(flawed_by("near_copy"))
    for key, twins in TWINS.items():
        for twin in twins:
            assert key in TWINS[twin]
            mine, other = (set(re.findall(r"\w+", text_of(BY_ID[k]).lower())) for k in (key, twin))
            assert len(mine & other) / len(mine | other) >= 0.7
            assert text_of(BY_ID[key]) != text_of(BY_ID[twin])


def test_truncated_answers_stop_in_mid_sentence() -> None:
    for key in flawed_by("truncated"):
        assert not answer_of(BY_ID[key]).rstrip().endswith((".", "!", "?", "…", '."', "```"))


def test_only_truncated_answers_leave_a_fence_open() -> None:
    open_fence = [
        row["id"]
        for kind in ("instructions", "chats")
        for row in ROWS[kind]
        if answer_of(row).count("```") % 2
    ]
    assert open_fence
    assert set(open_fence) <= set(flawed_by("truncated"))


def test_personal_data_is_invented() -> None:
    for row in BY_ID.values():
        text = json.dumps(row, ensure_ascii=False)
        for address in re.findall(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)", text):
            assert re.fullmatch(r"(\w+\.)*example\.(com|org|net)", address), row["id"]
        for number in re.findall(r"(?<![\d-])\d{3}[-. ]\d{4}(?![\d-])", text):
            assert number.startswith("555-01"), (row["id"], number)
        assert not re.search(r"\+\d{1,3}[ -]?\(?\d{2,4}\)?[ -]\d{3,}|\(\d{3}\) ?\d{3}", text)
        for number in re.findall(r"\b\d{1,3}(?:\.\d{1,3}){3}\b", text):
            assert number.startswith(("192.0.2.", "198.51.100.", "192.0.02.")) or (
                number == "0.0.0.0"
            ), (row["id"], number)
        for number in re.findall(r"\b(?:\d{4} ){3}\d{4}\b", text):
            assert number in {"4111 1111 1111 1111", "3704 0044 0532 0130"}


def test_every_sample_with_planted_personal_data_has_some() -> None:
    known = re.compile(r"@example\.(com|org)|555-01\d\d|4111 1111|DE89 3704|192\.0\.2\.")
    assert all(known.search(text_of(BY_ID[key])) for key in flawed_by("pii"))


def test_guidelines_say_what_to_approve_reject_and_flag() -> None:
    text = GUIDELINES.read_text(encoding="utf-8")
    assert all(f"\n## {heading}" in text for heading in ("Approve", "Reject", "Flag"))
    assert "\n- " in text
