"""Backup and restore: what comes back is what there was, and nothing half or foreign does."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Engine, text

from app import backup, restore
from app.client import Client
from app.errors import AppError, ConflictError, InvalidError, NotFoundError, UnavailableError
from app.settings import Settings
from tests.live import ROOT, Live, free_port, line_of, live, start, stop

__all__ = ["live"]  # the fixture

pytestmark = pytest.mark.xdist_group("live")

ROWS = [{"instruction": f"Double {n}.", "output": f"It is {2 * n}."} for n in range(30)]
EXPORT = ("export", "kept", "--format", "jsonl-alpaca", "-o")


def _winnow(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """A verb in a process of its own, on this home and its embedded database."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("WINNOW_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *map(str, words)],
        env={**env, "WINNOW_HOME": str(home)},
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


@pytest.fixture(scope="module")
def made(live: Live, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A backup of a running workbench with a release, a refused row, and its release's hash."""
    folder = tmp_path_factory.mktemp("backup")
    rows = folder / "rows.jsonl"
    rows.write_text("".join(json.dumps(row) + "\n" for row in ROWS) + '{"instruction": "cut\n')
    live.winnow("dataset", "create", "doubles")
    job = json.loads(live.winnow("import", "doubles", rows, "--wait", "--json").stdout)
    found = live.winnow("samples", "doubles", "--limit", 3, "--json").stdout
    for line in found.splitlines():
        live.winnow("decide", json.loads(line)["id"], "approve")
    live.winnow("release", "doubles", "kept", "--format", "jsonl-alpaca", "--wait")
    live.winnow(*EXPORT, folder / "before.jsonl")
    printed = _winnow(live.home, "backup", folder, "--json")
    assert printed.returncode == 0, printed.stderr
    told: dict[str, Any] = json.loads(printed.stdout)
    return {
        **told,
        "path": Path(told["backup"]),
        "sha256": hashlib.sha256((folder / "before.jsonl").read_bytes()).hexdigest(),
        "job": job["id"],
    }


@pytest.fixture(scope="module")
def again(made: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The workbench that was restored from it, started."""
    home = tmp_path_factory.mktemp("restored") / "home"
    restored = _winnow(home, "restore", made["path"], "--home", home)
    assert restored.returncode == 0, restored.stderr
    port = free_port()
    process = start(home, "--workers", "1", port=port)
    assert line_of(process), (home / "up.log").read_text()[-4000:]
    yield Live(home, f"http://127.0.0.1:{port}", process)
    stop(process)


def test_a_backup_holds_what_counts_and_no_key(made: dict[str, Any]) -> None:
    with tarfile.open(made["path"]) as tar:
        names = tar.getnames()
    kinds = {name.partition("/")[0] for name in names}

    assert names[0] == backup.DUMP
    assert names[-1] == backup.MANIFEST
    assert kinds == {backup.DUMP, "releases", "uploads", backup.MANIFEST}
    assert made["missing"] == []
    assert made["path"].stat().st_mode & 0o777 == 0o600
    assert [path.name for path in made["path"].parent.iterdir() if path.name[0] == "."] == []


def test_a_restored_workbench_is_the_same(
    live: Live, again: Live, made: dict[str, Any], tmp_path: Path
) -> None:
    exported = again.winnow(*EXPORT, tmp_path / "after.jsonl")
    assert exported.exit_code == 0, exported.stderr

    digest = hashlib.sha256((tmp_path / "after.jsonl").read_bytes()).hexdigest()
    assert digest == made["sha256"]
    for name in ("doubles",):
        before, after = (one.winnow("preview", name, "--json").stdout for one in (live, again))
        assert json.loads(before) == json.loads(after)


def test_people_can_sign_in_and_the_audit_log_is_whole(again: Live) -> None:
    link = json.loads(_winnow(again.home, "login", "--json").stdout)["login"]
    with httpx.Client(base_url=again.url) as browser:
        browser.get(httpx.URL(link).raw_path.decode())
        settings = browser.get("/settings")

    assert settings.status_code == 200
    assert "the chain of hashes is whole" in settings.text


def test_a_restored_upload_is_found_where_it_lies_now(again: Live, made: dict[str, Any]) -> None:
    assert again.winnow("job", "retry", made["job"]).exit_code == 0
    with closing(_client(again)) as client:
        job = client.wait({"id": made["job"], "status": "queued"})

    assert (job["status"], job["result"]["created"]) == ("succeeded", len(ROWS))
    assert job["result"]["rejected"] == 1


def _client(live: Live) -> Client:
    return Client(live.url, json.loads((live.home / "winnow.json").read_text())["api_key"])


def test_an_empty_folder_that_is_there_is_filled(made: dict[str, Any], tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".restoring" / "half").mkdir(parents=True)  # one was killed
    folder = home.stat().st_ino

    restored = _winnow(home, "restore", made["path"], "--home", home)

    assert restored.returncode == 0, restored.stderr
    assert home.stat().st_ino == folder
    assert sorted(one.name for one in home.iterdir()) == ["postgres", "releases", "uploads"]
    assert [one.name for one in tmp_path.iterdir()] == ["home"]


def _states(url: str) -> list[set[str]]:
    with psycopg.connect(url) as session:
        query = "SELECT c.state FROM job_chunks c JOIN imports i ON i.job_id = c.job_id"
        return [set(row[0]) & {"file", "rows"} for row in session.execute(query)]


def test_an_import_goes_on_with_the_file_it_began(
    made: dict[str, Any], empty_url: str, tmp_path: Path
) -> None:
    restore.restore(made["path"], tmp_path / "home", empty_url)

    assert _states(empty_url) == [{"rows"}]


def test_an_import_does_not_go_on_with_another_file(
    made: dict[str, Any], empty_url: str, tmp_path: Path
) -> None:
    files = json.loads(_manifest(made["path"]))["files"]
    for entry in files.values():
        entry["inode"] += 1  # as if written anew between the dump and its adding
    body = _manifest(made["path"], files=files)
    other = _changed(made["path"], tmp_path / "other.tar", backup.MANIFEST, body)

    restore.restore(other, tmp_path / "home", empty_url)

    assert _states(empty_url) == [{"file", "rows"}]


# --- refusals -----------------------------------------------------------------------------------


def _changed(source: Path, target: Path, name: str, body: bytes | None) -> Path:
    """The backup with one file changed, or taken out."""
    with tarfile.open(source) as old, tarfile.open(target, "w") as new:
        for entry in old:
            file = old.extractfile(entry)
            assert file is not None
            content = file.read()
            if entry.name == name:
                if body is None:
                    continue
                content = body
            entry.size = len(content)
            new.addfile(entry, io.BytesIO(content))
    return target


def _manifest(source: Path, **changes: object) -> bytes:
    with tarfile.open(source) as tar:
        file = tar.extractfile(backup.MANIFEST)
        assert file is not None
        return json.dumps({**json.load(file), **changes}).encode()


def _refused(source: Path, home: Path, kind: type[AppError], sentence: str) -> None:
    with pytest.raises(kind, match=sentence):
        restore.restore(source, home)
    assert not (home / "postgres").exists()
    assert [path.name for path in home.parent.iterdir() if "restoring" in path.name] == []


def test_a_home_in_use_is_refused(live: Live, made: dict[str, Any], tmp_path: Path) -> None:
    refused = _winnow(live.home, "restore", made["path"], "--home", live.home)

    assert refused.returncode == 1
    assert (
        refused.stderr == f"{live.home} is not empty; a backup is restored into an empty folder.\n"
    )


def test_what_is_not_a_whole_backup_is_refused(made: dict[str, Any], tmp_path: Path) -> None:
    home, source = tmp_path / "home", made["path"]
    cut = tmp_path / "cut.tar"
    cut.write_bytes(source.read_bytes()[:-20_000])
    unlisted = _changed(source, tmp_path / "unlisted.tar", backup.MANIFEST, None)
    odd = _changed(source, tmp_path / "odd.tar", backup.MANIFEST, b"[]")

    _refused(tmp_path / "none.tar", home, NotFoundError, "There is no file")
    for half in (cut, unlisted, odd):
        _refused(half, home, InvalidError, "is no backup of Winnow, or not a whole one")


def test_what_was_changed_or_is_newer_is_refused(made: dict[str, Any], tmp_path: Path) -> None:
    home, source = tmp_path / "home", made["path"]

    def with_manifest(name: str, **changes: object) -> Path:
        body = _manifest(source, **changes)
        return _changed(source, tmp_path / name, backup.MANIFEST, body)

    other = {"sha256": "0", "bytes": 1}
    damaged = _changed(source, tmp_path / "damaged.tar", backup.DUMP, b"other")
    _refused(damaged, home, InvalidError, "database.dump in the backup is damaged")
    newer = with_manifest("newer.tar", revision="ffffffffffff")
    _refused(newer, home, InvalidError, "is at migration ffffffffffff, which this Winnow does not")
    _refused(with_manifest("2.tar", format=2), home, InvalidError, "made by a newer Winnow")
    outside = with_manifest("outside.tar", files={"../x": other})
    _refused(outside, home, InvalidError, "a file outside of the home")
    missing = with_manifest("missing.tar", files={"releases/x": other})
    _refused(missing, home, InvalidError, "releases/x is missing in the backup")


def test_where_nothing_is_nothing_is_backed_up(tmp_path: Path) -> None:
    refused = _winnow(tmp_path / "none", "backup", tmp_path)

    assert refused.returncode == 1
    assert "There is no workbench in" in refused.stderr
    assert list(tmp_path.iterdir()) == []


# --- a database of one's own --------------------------------------------------------------------


@pytest.fixture
def empty_url(engine: Engine, database_url: str) -> Iterator[str]:
    """An empty database beside the one of the tests."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE restored"))
        yield database_url.replace("@/winnow?", "@/restored?")
        connection.execute(text("DROP DATABASE restored WITH (FORCE)"))


def test_a_given_database_is_backed_up_and_restored(
    database_url: str, empty_url: str, tmp_path: Path
) -> None:
    target = tmp_path / "all.tar"
    backup.make(database_url, tmp_path / "home", target)

    told = restore.restore(target, tmp_path / "new", empty_url)

    with psycopg.connect(empty_url) as session:
        assert backup.counts(session) == {name: told[name] for name in backup.COUNTED}
    with pytest.raises(ConflictError, match="The database holds tables"):
        restore.restore(target, tmp_path / "newer", empty_url)
    with pytest.raises(ConflictError, match="never written over"):
        backup.make(database_url, tmp_path / "home", target)


@pytest.mark.parametrize("there", [True, False])
def test_a_try_that_failed_can_be_repeated(
    made: dict[str, Any],
    empty_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: bool,
) -> None:
    home = tmp_path / "home"
    if there:
        home.mkdir()
    with monkeypatch.context() as broken:
        broken.setattr(subprocess, "run", _no_program)
        with pytest.raises(UnavailableError, match="no such program"):
            restore.restore(made["path"], home, empty_url)
    assert list(tmp_path.rglob("*")) == ([home] if there else [])

    restore.restore(made["path"], home, empty_url)

    assert sorted(one.name for one in home.iterdir()) == ["releases", "uploads"]


def _no_program(*_: object, **__: object) -> None:
    raise OSError("no such program")


def test_a_home_that_cannot_be_made_is_said(made: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UnavailableError, match="can't be restored: "):
        restore.restore(made["path"], tmp_path / "file" / "home")


def test_what_cannot_be_backed_up_is_said(
    database_url: str, empty_url: str, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match="it was never migrated"):
        backup.make(empty_url, tmp_path, tmp_path / "a.tar")
    with pytest.raises(NotFoundError, match="There is no folder"):
        backup.make(database_url, tmp_path, tmp_path / "none" / "a.tar")
    with pytest.raises(UnavailableError, match="pg_dump refused: pg_dump"):
        backup.run_tool("pg_dump", empty_url, ["--snapshot=none"])
    assert list(tmp_path.iterdir()) == []


def test_a_release_whose_files_are_gone_is_named(tmp_path: Path) -> None:
    kept = tmp_path / "releases" / "b" / "manifest.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    snapshot = backup.Snapshot("head", {}, releases=[("a", "v1"), ("b", "v2")], uploads=["c"])

    files, missing = backup._files(tmp_path, snapshot)  # noqa: SLF001

    assert files == [("releases/b/manifest.json", kept)]
    assert missing == ["releases/a (v1)"]


def test_a_file_of_people_that_cannot_be_read_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, shrinks = backup._Hashed.read, tmp_path / "b"  # noqa: SLF001
    for name in ("a", "b", "d"):
        (tmp_path / name).write_bytes(name.encode() * 2000)
    (tmp_path / "c").mkdir()

    def shrinking(file: Any, size: int = -1) -> bytes:
        if Path(file._file.name) == shrinks:  # noqa: SLF001
            os.truncate(shrinks, 1000)
        return read(file, size)

    monkeypatch.setattr(backup._Hashed, "read", shrinking)  # noqa: SLF001
    with (tmp_path / "x.tar").open("wb") as out, tarfile.open(fileobj=out, mode="w") as tar:
        added = [
            backup._add_or_undo(tar, out, f"imports/{name}", tmp_path / name)  # noqa: SLF001
            for name in "abcde"
        ]
        with pytest.raises(OSError, match="c can't be read"):
            backup._add_or_undo(tar, out, "releases/c", tmp_path / "c")  # noqa: SLF001

    assert [entry is not None for entry in added] == [True, False, False, True, False]
    with tarfile.open(tmp_path / "x.tar") as tar:
        assert tar.getnames() == ["imports/a", "imports/d"]
        assert restore._file(tar, "imports/d").read() == b"d" * 2000  # noqa: SLF001


@pytest.mark.parametrize(
    ("root", "names"),
    [(None, ["imports/x"]), ("own", ["own/x"]), ("../elsewhere", []), ("", [])],
)
def test_the_import_folder_is_added_where_it_lies_below_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: str | None, names: list[str]
) -> None:
    home = tmp_path / "home"
    for folder in ("imports", "own", "../elsewhere"):
        (home / folder).mkdir(parents=True)
        (home / folder / "x").write_text("x")
    given = None if root is None else home / root
    monkeypatch.setattr(backup, "settings", lambda: Settings(home=home, import_root=given))

    files, missing = backup._files(home, backup.Snapshot("head", {}, [], []))  # noqa: SLF001

    assert ([name for name, _ in files], missing) == (names, [])
