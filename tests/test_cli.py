"""The command line against a server that runs: the main job, refusals, starting and stopping."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from app import cli_demo
from tests.live import Live, ended, free_port, line_of, live, start, stop

__all__ = ["live"]  # the fixture

USES_IT = pytest.mark.usefixtures("done")
pytestmark = pytest.mark.xdist_group("live")

ROWS = [
    {"instruction": f"Add {n} and {n + 1}.", "output": f"The sum is {2 * n + 1}.", "rating": n}
    for n in range(20)
]


WHERE = "rating>=15 response_words>=3 refusal:0"
EXPORT = ("export", "v1", "--format", "jsonl-alpaca", "-o")


@pytest.fixture(scope="session")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


@pytest.fixture(scope="session")
def done(live: Live, rows: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The main job as far as the release `v1` of the three best rows: what each verb printed."""
    guidelines = tmp_path_factory.mktemp("guide") / "guide.md"
    guidelines.write_text("# Sums\nApprove what adds up.")
    about = ("--source", "sums", "--origin", "synthetic", "--license", "CC0-1.0")
    steps: dict[str, tuple[object, ...]] = {
        "made": ("dataset", "create", "sums", "--guidelines", guidelines),
        "first": ("import", "sums", rows, *about, "--wait"),
        "again": ("import", "sums", rows, *about, "--wait"),
        "scored": ("score", "sums", "lengths", "refusal", "--wait"),
        "preview": ("preview", "sums", "--where", WHERE),
    }
    printed = {
        name: json.loads(live.winnow(*words, "--json").stdout) for name, words in steps.items()
    }
    found = live.winnow("samples", "sums", "--where", WHERE, "--sort", "-rating", "--json")
    printed["found"] = [json.loads(line) for line in found.stdout.splitlines()]
    for sample in printed["found"][:3]:
        live.winnow("decide", sample["id"], "approve", "--note", "adds up")
    formats = ("--format", "jsonl-alpaca", "--format", "parquet")
    printed["release"] = json.loads(
        live.winnow("release", "sums", "v1", *formats, "--wait", "--json").stdout
    )
    return printed


def test_the_main_job(live: Live, done: dict[str, Any], tmp_path: Path) -> None:
    assert done["made"]["guidelines"].startswith("# Sums")
    assert done["first"]["result"]["created"] == len(ROWS)
    assert done["again"]["result"]["created"] == 0
    assert done["again"]["result"]["existing"] == len(ROWS)
    assert done["scored"]["done"] == len(ROWS)
    assert done["preview"]["matched"] == 5
    assert [sample["scores"]["rating"] for sample in done["found"]] == [19, 18, 17, 16, 15]
    assert done["release"]["result"]["rows"] == 3

    target = tmp_path / "out.jsonl"
    exported = live.winnow(*EXPORT, target, "--json")

    written = [json.loads(line) for line in target.read_text().splitlines()]
    assert [row["output"] for row in written] == [ROWS[n]["output"] for n in (17, 18, 19)]
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    assert json.loads(exported.stdout)["sha256"] == digest


@USES_IT
def test_rows_that_were_refused_are_named_with_their_line(live: Live, tmp_path: Path) -> None:
    live.winnow("dataset", "create", "broken")
    some, none = tmp_path / "some.jsonl", tmp_path / "none.jsonl"
    good = json.dumps({"instruction": "Say yes.", "output": "Yes."})
    some.write_text(f'{good}\n{{"instruction": "cut\n')
    none.write_text('{"instruction": "", "output": ""}\n')

    landed = live.winnow("import", "broken", some, "--wait")
    refused = live.winnow("import", "broken", none, "--wait")

    assert landed.exit_code == 0
    assert "some.jsonl, line 2: " in landed.stderr
    assert refused.exit_code == 1
    assert "every row was refused" in refused.stderr


@USES_IT
def test_a_broken_download_goes_on_where_it_stopped(live: Live, tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    entry = json.loads(live.winnow(*EXPORT, whole, "--json").stdout)
    target = tmp_path / "out.jsonl"
    part = target.with_name(f".{target.name}.{entry['sha256'][:12]}.part")
    part.write_bytes(whole.read_bytes()[:50])

    assert live.winnow(*EXPORT, target).exit_code == 0
    assert target.read_bytes() == whole.read_bytes()
    assert not part.exists()


@USES_IT
def test_a_wrong_start_of_a_download_is_noticed(live: Live, tmp_path: Path) -> None:
    whole = tmp_path / "whole.jsonl"
    entry = json.loads(live.winnow(*EXPORT, whole, "--json").stdout)
    target = tmp_path / "out.jsonl"
    part = target.with_name(f".{target.name}.{entry['sha256'][:12]}.part")
    part.write_bytes(b"x" * 50)

    refused = live.winnow(*EXPORT, target)

    assert refused.exit_code == 1
    assert "SHA-256" in refused.stderr
    assert not target.exists()
    assert live.winnow(*EXPORT, target).exit_code == 0


@USES_IT
def test_rules_drop_and_give_back(live: Live) -> None:
    saved = live.winnow("rules", "save", "sums", "high", "--where", "rating>=5", "--json")
    applied = live.winnow("rules", "apply", "sums", "high", "--wait", "--json")
    undone = live.winnow("rules", "undo", "sums", "high", "--wait", "--json")

    assert json.loads(saved.stdout)["conditions"] == [{"expression": "rating>=5", "enabled": True}]
    assert json.loads(applied.stdout)["result"]["dropped"] == 5
    assert json.loads(undone.stdout)["result"]["restored"] == 5


def test_people_get_keys_that_hold_their_role(live: Live) -> None:
    live.winnow("user", "add", "anna@example.org", "--role", "annotator")
    made = live.winnow("key", "create", "--user", "anna@example.org", "--role", "annotator")
    env: dict[str, str | None] = {"WINNOW_URL": live.url, "WINNOW_API_KEY": made.stdout.strip()}

    assert live.winnow("dataset", "list", env=env).exit_code == 0
    assert live.winnow("dataset", "create", "mine", env=env).exit_code == 1


def test_the_demo_is_loaded_once(live: Live) -> None:
    key = json.loads((live.home / "winnow.json").read_text())["api_key"]

    cli_demo.load(live.url, key, lambda: False)
    before = live.winnow("jobs", "--json").stdout
    cli_demo.load(live.url, key, lambda: False)

    assert live.winnow("jobs", "--json").stdout == before
    found = json.loads(live.winnow("preview", "demo", "--json").stdout)
    assert found["total"] == 400
    lowest = json.loads(live.winnow("review", "next", "demo", "--json").stdout)
    assert lowest["remaining"] == 400
    rules = json.loads(live.winnow("rules", "list", "demo", "--json").stdout)["items"]
    assert [(one["name"], one["applications"]) for one in rules] == [("keep", [])]


def test_samples_are_a_table_that_steers_no_terminal(live: Live, tmp_path: Path) -> None:
    file = tmp_path / "odd.jsonl"
    file.write_text(json.dumps({"text": "red \x1b[31m and \u202e back, " + "long " * 40}) + "\n")
    live.winnow("dataset", "create", "odd")
    live.winnow("import", "odd", file, "--wait")

    shown = live.winnow("samples", "odd").stdout
    fields = live.winnow("samples", "odd", "--fields", "id,kind,tags").stdout

    assert "red" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
    assert max(map(len, shown.splitlines())) < 200
    assert fields.splitlines()[0].split() == ["id", "kind", "tags"]


def test_words_tell_what_a_preview_keeps(live: Live, done: dict[str, Any]) -> None:
    shown = live.winnow("preview", "sums", "--where", WHERE).stdout

    assert shown.startswith("5 of 20 rows match.")
    assert "rating>=15" in shown


def test_a_login_link_signs_in_once(live: Live) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    printed = subprocess.run(
        [sys.executable, "-m", "app.cli", "login", "--json"],
        env={**env, "WINNOW_HOME": str(live.home)},  # the server there knows its address
        capture_output=True,
        check=True,
    )
    link = json.loads(printed.stdout)["login"]

    assert httpx.get(link).headers["location"] == "/"
    assert "set-cookie" not in httpx.get(link).headers
    assert live.winnow("dataset", "list").exit_code == 0  # the database runs on


@USES_IT
@pytest.mark.parametrize(
    "words",
    [
        ("dataset", "list"),
        ("signals",),
        ("jobs",),
        ("jobs", "--watch"),
        ("rules", "list", "sums"),
        ("review", "next", "sums"),
        ("release", "diff", "v1", "v1"),
    ],
)
def test_json_is_json_and_the_rest_is_words(live: Live, words: tuple[str, ...]) -> None:
    assert json.loads(live.winnow(*words, "--json").stdout)
    assert live.winnow(*words).exit_code == 0


@USES_IT
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("samples", "nothing"), "There is no dataset `nothing`."),
        (("samples", "sums", "--where", "rating>>"), "At 8:"),
        (("score", "sums", "nothing"), "There is no signal `nothing`."),
        (("dataset", "create", "sums"), "There is a dataset `sums` already."),
        (("release", "sums", "v1"), "There is a release `v1` already"),
        (("export", "v1", "--format", "csv", "-o", "x"), "has no csv"),
        (("rules", "apply", "sums", "nothing"), "There is no rule set `nothing`"),
        (("decide", "0", "approve"), "There is no sample 0"),
        (("job", "cancel", "00000000-0000-4000-8000-000000000000"), "There is no job"),
    ],
)
def test_a_refusal_is_a_sentence_and_one(live: Live, words: tuple[str, ...], said: str) -> None:
    refused = live.winnow(*words)

    assert refused.exit_code == 1
    assert said in refused.stderr
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("samples",),
        ("nothing",),
        ("decide", "1", "maybe"),
        ("score", "sums", "lengths", "--set", "cap"),
        ("score", "sums", "lengths", "--set", "refusal.cap=1"),
        ("import", "sums", "no-such-file.jsonl"),
        ("release", "diff", "v1"),
        ("worker", "--queues", "cpu,tpu"),
    ],
)
def test_wrong_usage_is_two(live: Live, words: tuple[str, ...]) -> None:
    assert live.winnow(*words).exit_code == 2


def test_without_a_server_it_says_how_to_get_one(live: Live, tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"

    unknown = live.winnow("jobs", env={"WINNOW_HOME": str(tmp_path)})
    silent = live.winnow("jobs", env={"WINNOW_URL": nobody, "WINNOW_API_KEY": "k"})
    other = live.winnow("jobs", env={"WINNOW_URL": nobody})

    assert [one.exit_code for one in (unknown, silent, other)] == [1, 1, 1]
    assert "winnow up" in unknown.stderr
    assert f"Nothing answers at {nobody}" in silent.stderr
    assert "WINNOW_API_KEY" in other.stderr  # this machine's key is not shown to other servers


def test_a_second_start_on_the_same_folder_is_refused(live: Live) -> None:
    second = start(live.home)

    assert line_of(second) == ""
    assert ended(second) == 1
    assert "already, as process" in (live.home / "up.log").read_text()
    assert live.winnow("dataset", "list").exit_code == 0


def test_a_taken_port_is_refused_before_anything_starts(live: Live, tmp_path: Path) -> None:
    second = start(tmp_path, port=int(live.url.rpartition(":")[2]))

    assert line_of(second) == ""
    assert ended(second) == 1
    assert "Give another one with --port" in (tmp_path / "up.log").read_text()
    assert not (tmp_path / "postgres").exists()


def test_killed_it_leaves_nothing_and_starts_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = start(home, "--workers", "1")
    assert line_of(first)
    parts = psutil.Process(first.pid).children(recursive=True)
    stop(first, signal.SIGKILL)

    second = start(home, "--workers", "1")
    ready = json.loads(line_of(second))
    parts += psutil.Process(second.pid).children(recursive=True)

    assert ready["home"] == str(home)
    assert (home / "winnow.json").stat().st_mode & 0o777 == 0o600
    assert stop(second) == 0
    _, alive = psutil.wait_procs(parts, timeout=10)
    assert alive == []
    assert not (home / "postgres" / "postmaster.pid").exists()


def test_help_is_there_at_once(live: Live) -> None:
    started = time.monotonic()

    shown = live.winnow("--help")

    assert time.monotonic() - started < 0.5
    assert "import" in shown.stdout
