"""Taxonomies over REST, on the command line and in the browser's pages."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from fastapi.testclient import TestClient
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.datasets.models import Dataset, Purpose
from app.jobs.models import Job
from app.samples.models import Sample
from tests.conftest import browser_of
from tests.endpoint import serving
from tests.factories import make_dataset, run_job
from tests.generation.lab_model import HOPELESS, Model
from tests.generation.test_lab_runs import tree
from tests.generation.test_runs import add_provider
from tests.shell import Here, winnow, winnow_json
from tests.taxonomy.archives import BIRDS, BIRDS_TEXT, FREE, TREE, tarred, zipped

pytestmark = pytest.mark.usefixtures("bells")
BAD = {**TREE, "knowledge/a/bad/qna.yaml": "created_by: <b>x</b>\nseed_examples:\n- a: [\n"}


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


@pytest.fixture
def here(api: TestClient, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("cli_taxonomy", "cli_generation"):
        monkeypatch.setattr(f"app.{module}.from_environment", lambda: Here(api, session))


def packed(files: Mapping[str, str | bytes]) -> dict[str, tuple[str, bytes]]:
    return {"file": ("tree.zip", zipped(files).getvalue())}


def test_over_rest_from_the_archive_to_what_is_short(
    api: TestClient, annotator_api: TestClient, session: Session, dataset: Dataset, admin: Principal
) -> None:
    path = f"/datasets/{dataset.name}/taxonomy"
    assert api.get(path).json()["items"] == []
    assert api.get(f"{path}/import").status_code == 404

    made = api.post(f"{path}/import", files=packed(BAD), data={"license": "Apache-2.0"})
    assert made.status_code == 200, made.text
    found = made.json()
    assert (found["created"], found["new_seeds"]) == (3, 6)
    (problem,) = found["problems"]
    assert (problem["file"], problem["line"], problem["fatal"]) == (
        "knowledge/a/bad/qna.yaml",
        4,
        True,
    )
    kept = api.get(f"{path}/import").json()
    assert (kept["imported"], kept["found"], kept["file"]) == (found, 1, "tree.zip")
    assert api.get("/sources").json()["items"][-1]["license"] == "Apache-2.0"
    changed = api.put(f"{path}/targets", json={"path": "", "target": 4}).json()
    assert changed == {"leaves": 3}
    file = {"file": ("birds.md", BIRDS_TEXT)}
    attached = api.post(f"{path}/documents", files=file, data={"path": BIRDS}).json()
    assert attached == {"name": "birds.md", "words": 14}

    items = {one["path"]: one for one in api.get(path).json()["items"]}
    assert len(items) == 8
    birds = items[BIRDS]
    assert (birds["leaf"], birds["target"], birds["seeds"], birds["documents"]) == (True, 4, 3, 1)
    assert birds["why"] == "Nothing was asked for it yet."
    assert (items["knowledge"]["leaves"], items["knowledge"]["short"]) == (1, 1)
    under = api.get(path, params={"under": "knowledge", "short": True}).json()["items"]
    assert [one["path"] for one in under] == [BIRDS]
    node = api.get(f"{path}/node", params={"path": BIRDS}).json()
    assert (node["version"], node["author"], node["domain"]) == (3, "a birder", "animals")
    assert node["seed_examples"][2]["context"] == "The wren sings all year."
    assert node["attached"] == [{"name": "birds.md", "words": 14}]

    raw = api.get(f"{path}/export", params={"under": BIRDS})
    assert raw.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(raw.content)) as archive:
        assert archive.namelist() == [f"{BIRDS}/qna.yaml", f"{BIRDS}/birds.md"]
    gone = api.delete(f"{path}/documents", params={"path": BIRDS, "document": "birds.md"})
    assert gone.status_code == 204
    assert api.delete(path, params={"path": "knowledge"}).status_code == 204
    assert api.get(f"{path}/node", params={"path": BIRDS}).status_code == 404
    assert api.post(f"{path}/import", data={"source": "x"}).status_code == 422
    assert annotator_api.put(f"{path}/targets", json={"target": 1}).status_code == 403
    assert session.scalars(select(Sample)).all() != []


def test_a_small_tar_gz_is_taken_as_it_is_uploaded(api: TestClient, dataset: Dataset) -> None:
    path = f"/datasets/{dataset.name}/taxonomy"
    file = {"file": ("tree.tar.gz", tarred(TREE).getvalue())}

    made = api.post(f"{path}/import", files=file)

    assert (made.status_code, made.json()["created"]) == (200, 3), made.text
    refused = api.post(f"{path}/documents", files={"file": ("a.pdf", "x")}, data={"path": BIRDS})
    assert (refused.status_code, "Convert it" in refused.text) == (422, True)


@pytest.mark.usefixtures("here")
def test_on_the_command_line(dataset: Dataset, tmp_path: Path) -> None:
    for name, content in BAD.items():
        file = tmp_path / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(content))
    (tmp_path / "tree" / "knowledge" / "loop").symlink_to(tmp_path / "tree")
    made = '{"seeds": [{"leaf": "knowledge/a", "hash": "bad"}]}'
    (tmp_path / "tree" / "winnow.json").write_text(made)
    code, printed = winnow("taxonomy", "import", dataset.name, tmp_path / "tree")
    assert (code, "seeds.0.hash" in printed) == (1, True)
    (tmp_path / "tree" / "winnow.json").write_text('{"seeds": []}')
    (tmp_path / "tree" / "picture.png").write_bytes(b"\x89PNG")

    code, printed = winnow("taxonomy", "import", dataset.name, tmp_path / "tree")
    assert code == 0, printed
    assert "loop is a link and was left out" in printed
    assert "3 leaves are new, 0 updated; 6 of 6 seeds new; 0 documents; 1 problem." in printed
    assert "knowledge/a/bad/qna.yaml" in printed
    said = winnow("taxonomy", "report", dataset.name)[1]
    assert printed.partition("was left out.\n")[2] in said
    assert "tree.zip, 20" in said
    again = winnow_json("taxonomy", "import", dataset.name, tmp_path / "tree")
    assert (again["created"], again["updated"], again["new_seeds"]) == (0, 3, 0)
    kept = winnow_json("taxonomy", "report", dataset.name)
    assert (kept["imported"], kept["found"]) == (again, 1)
    assert "2 leaves" in winnow("taxonomy", "target", dataset.name, "compositional_skills", 7)[1]
    assert winnow_json("taxonomy", "target", dataset.name, FREE, "none") == {"leaves": 1}
    assert winnow("taxonomy", "target", dataset.name, "/", "many")[0] == 2
    shown = winnow("taxonomy", "show", dataset.name)[1]
    assert "no document" in shown
    assert "2 leaves, 1 short" in shown
    short = winnow_json("taxonomy", "show", dataset.name, "--short")["items"]
    assert [one["path"] for one in short] == ["compositional_skills/extraction/totals"]
    (tmp_path / "birds.md").write_text(BIRDS_TEXT)
    attached = winnow("taxonomy", "attach", dataset.name, BIRDS, tmp_path / "birds.md")[1]
    assert "birds.md  14" in attached
    out = tmp_path / "out.zip"
    assert winnow("taxonomy", "export", dataset.name, "-o", out)[0] == 0
    with zipfile.ZipFile(out) as archive:
        assert f"{BIRDS}/birds.md" in archive.namelist()
    assert winnow("taxonomy", "detach", dataset.name, BIRDS, "birds.md")[0] == 0
    assert "its samples stay" in winnow("taxonomy", "remove", dataset.name, "knowledge")[1]
    assert len(winnow_json("taxonomy", "show", dataset.name)["items"]) == 5
    nowhere = winnow("taxonomy", "export", dataset.name, "-o", tmp_path / "no" / "out.zip")
    assert (nowhere[0], "There is no folder" in nowhere[1]) == (1, True)
    wrong = winnow("taxonomy", "export", dataset.name, "--under", "no", "-o", out)
    assert (wrong[0], "has no `no`" in wrong[1]) == (1, True)


def newest(session: Session) -> Job:
    session.expire_all()
    job = session.scalars(select(Job).order_by(Job.created_at.desc()).limit(1)).one()
    return run_job(session, job.id)


def test_a_leads_way_in_the_browser(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal, admin: Principal
) -> None:
    browser = browser_of(session, lead)
    base = f"/datasets/{dataset.name}/taxonomy"
    page = browser.get(base).text
    assert "There is no taxonomy yet" in page
    token = BeautifulSoup(page, "html.parser").select_one("[name=csrf]")
    assert token is not None
    csrf = {"csrf": str(token["value"])}

    files = {**tree(document=False), "knowledge/a/<b>/qna.yaml": "- x", f"{FREE}/qna.yaml": "a: ["}
    shown = browser.post(base, files=packed(files), data={**csrf, "license": ""}).text
    assert "12 leaves are new" in shown
    assert "must be a mapping" in shown
    assert "<b>/qna.yaml" not in shown
    assert "No endpoint to ask yet" in shown
    later = browser.get(base).text
    assert "must be a mapping" not in later
    assert "What became of it, 2 problems" in later
    assert "must be a mapping" in browser.get(f"{base}?imported=true").text
    branch = "compositional_skills/free"
    targets = {**csrf, "path": branch, "target": "5"}
    assert "Target of each leaf below" in browser.post(f"{base}/target", data=targets).text
    assert browser.post(f"{base}/target", data={**targets, "target": "x"}).status_code == 422
    known = "knowledge/science/known0"
    opened = browser.get(f"{base}?node={known}").text
    assert "It has no document, so nothing can be asked for it" in opened
    form = {**csrf, "path": known}
    file = {"file": ("k.md", b"Now it is known.")}
    assert "4 words" in browser.post(f"{base}/documents", files=file, data=form).text
    removed = browser.post(f"{base}/documents/remove", data={**form, "document": "k.md"}).text
    assert "None yet." in removed
    none = browser.post(f"{base}/documents", data=form)
    assert (none.status_code, "Send one file" in none.text) == (422, True)

    with serving(Model(0, 0.5)) as endpoint:
        add_provider(session, endpoint, admin)
        order = {**csrf, "generator": "lab", "lab.leaves": branch, "lab.rounds": "2"}
        order |= {"provider": "local", "judge": "", "lab.target": "5"}
        assert "lab.leaves" in browser.get(f"{base}?node={branch}").text
        path = f"/datasets/{dataset.name}/generate"
        pilot = browser.post(path, data={**order, "pilot": "true"}, follow_redirects=False)
        assert newest(session).error is None
        run = browser.post(path, data=order, follow_redirects=False)
        assert newest(session).error is None
    assert "Pilot" in browser.get(pilot.headers["Location"]).text
    account = browser.get(run.headers["Location"]).text
    assert "drafts of" in account
    assert "were not enough" in account
    assert f"{branch}/{HOPELESS}" in account
    assert "The model decided on what it made itself" in account
    whole = browser.get(base).text
    assert "reached" in whole
    short = BeautifulSoup(browser.get(f"{base}?short=true").text, "html.parser")
    names = [one.get_text() for one in short.select(".tree-r a")]
    assert HOPELESS in names
    assert "knowledge" not in names
    reached = browser.get(f"{base}?node={branch}/free0").text
    links = BeautifulSoup(reached, "html.parser").select("aside a.btn")
    link = next(one for one in links if "Its samples" in one.get_text())
    assert "The matter well of" in browser.get(str(link["href"])).text
    whole_branch = BeautifulSoup(browser.get(f"{base}?node={branch}").text, "html.parser")
    below = next(one for one in whole_branch.select("aside a.btn") if "Its samp" in one.get_text())
    assert "metadata.taxonomy" in str(below["href"])
    assert "The matter well of" in browser.get(str(below["href"])).text
    session.execute(text("UPDATE samples SET status = 'approved' WHERE origin = 'synthetic'"))
    session.commit()
    out = browser.get(f"{base}/export?approved=true").content
    again = browser.post(base, files={"file": ("t.zip", out)}, data={**csrf, "license": ""}).text
    assert "0 leaves are new" in again
    assert "not written by people" in again
    with_models = browser.get(f"{base}?node={branch}/free0").text
    assert "3 written by people, 5 by models" in with_models
    leaf = browser.get(f"{base}?node={branch}/{HOPELESS}").text
    assert "Failed: question" in leaf
    assert "Short by 5" in leaf
    assert browser.get(f"{base}?node=nowhere").status_code == 404
    assert browser.get(f"{base}/export?approved=true").content[:2] == b"PK"
    gone = browser.post(f"{base}/remove", data={**csrf, "path": "knowledge"}).text
    assert "9 leaves" in gone

    reader = browser_of(session, annotator)
    assert "Import a tree" not in reader.get(base).text
    bench = make_dataset(session, lead, "bench", Purpose.BENCHMARK)
    assert "A benchmark has no taxonomy" in browser.get(f"/datasets/{bench.name}/taxonomy").text
