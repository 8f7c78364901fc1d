"""Trees in and out: real ones come back as they were, hostile archives harm nobody."""

import gzip
import io
import json
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from app.accounts.policies import Principal
from app.curation.records import Kind, Origin, Record
from app.datasets.models import Dataset, Purpose
from app.errors import AppError, ConflictError, ForbiddenError, InvalidError, TooLargeError
from app.generation import guards
from app.samples import service as samples
from app.samples.loading import add_batch
from app.samples.models import Sample, Status
from app.samples.packing import Target
from app.samples.search import condition
from app.sources import service as sources
from app.sources.models import Source
from app.taxonomy import archive, exporting, importing, reports, service
from app.taxonomy.models import TaxonomyNode, TaxonomySeed
from app.taxonomy.reports import Imported
from tests.factories import make_dataset
from tests.taxonomy.archives import (
    BIRDS,
    BIRDS_TEXT,
    FREE,
    GROUNDED,
    QNA_BIRDS,
    QNA_FREE,
    TREE,
    folder,
    link,
    tarred,
    zipped,
)


@pytest.fixture
def dataset(session: Session, lead: Principal) -> Dataset:
    return make_dataset(session, lead)


def take(
    session: Session, dataset: Dataset, by: Principal, file: io.BytesIO, name: str = "tree.zip"
) -> Imported:
    found = importing.run(session, dataset, file, name, by=by)
    session.commit()
    return found


def told(found: Imported) -> list[tuple[str, int | None, str]]:
    return [(one.file, one.line, one.message) for one in found.problems]


def exported(session: Session, dataset: Dataset, **more: Any) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(exporting.archive(session, dataset, **more))) as packed:
        return {one: packed.read(one) for one in packed.namelist()}


def said(raw: bytes | str) -> Any:
    """What a qna.yaml says, without the blanks at the ends of its texts."""

    def stripped(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: stripped(one) for key, one in value.items()}
        if isinstance(value, list):
            return [stripped(one) for one in value]
        return str(value).strip()

    return stripped(yaml.safe_load(raw))


def test_leaves_land_with_their_seeds_as_human_samples(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    files = {f"taxonomy-main/{name}": content for name, content in TREE.items()}
    files |= {f"taxonomy-main/{BIRDS}/birds.md": BIRDS_TEXT, "taxonomy-main/README.md": "Hello"}

    found = take(session, dataset, lead, zipped(files))

    assert (found.created, found.updated, found.problems) == (3, 0, [])
    assert (found.seeds, found.new_seeds, found.documents) == (6, 6, 1)
    paths = [one.path for one in service.nodes(session, dataset)]
    assert paths == [
        "compositional_skills",
        "compositional_skills/extraction",
        GROUNDED,
        "compositional_skills/writing",
        FREE,
        "knowledge",
        "knowledge/science",
        BIRDS,
    ]
    riddles = service.get(session, dataset, FREE)
    assert (riddles.author, riddles.attribution) == ("someone", "self-authored")
    made = session.scalars(select(Sample).order_by(Sample.id)).all()
    assert {(one.origin, one.kind, one.status) for one in made} == {
        (Origin.HUMAN, Kind.INSTRUCTION, Status.PENDING)
    }
    assert {one.domain for one in made} == {"writing/riddles", "extraction/totals", "science/birds"}
    birds = service.get(session, dataset, BIRDS)
    query = select(TaxonomySeed).where(TaxonomySeed.node_id == birds.id)
    links = session.scalars(query.order_by(TaxonomySeed.position)).all()
    body = samples.body(session, session.get_one(Sample, links[0].sample_id))
    assert body.body["instruction"] == "What does a chickadee hide?"
    assert body.sample_metadata == {
        "taxonomy": BIRDS,
        "author": "a birder",
        "context": "The chickadee hides seeds in autumn.",
    }
    (document,) = service.documents(session, birds)
    assert (document.name, document.words) == ("birds.md", 14)


def test_the_same_tree_again_doubles_nothing_and_keeps_targets(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    take(session, dataset, lead, zipped(TREE))
    service.set_target(session, dataset, FREE, 30, by=lead)
    riddle = Sample.domain == "writing/riddles"
    first = session.scalars(select(Sample).where(riddle).order_by(Sample.id)).first()
    assert first is not None
    seed = samples.body(session, first)
    edited = {**seed.body, "output": "A piano, of course."}
    samples.edit(session, first.id, edited, revision=1, by=lead)
    session.commit()
    changed = QNA_FREE.replace("To write riddles.", "To write good riddles.")
    changed += "- question: What runs and has no legs?\n  answer: Water.\n"

    found = take(session, dataset, lead, zipped({**TREE, f"{FREE}/qna.yaml": changed}))

    assert (found.created, found.updated, found.new_seeds) == (0, 3, 1)
    session.expire_all()
    riddles = service.get(session, dataset, FREE)
    assert (riddles.target, riddles.task_description) == (30, "To write good riddles.")
    assert session.scalar(select(func.count()).select_from(Sample)) == 7
    told_now = said(exported(session, dataset)[f"{FREE}/qna.yaml"])["seed_examples"]
    assert [one["answer"] for one in told_now] == [
        "A piano, of course.",
        "A clock.\nIt has two.",
        "Water.",
    ]


def test_a_seed_that_the_file_lost_is_a_seed_no_more_and_its_sample_stays(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    take(session, dataset, lead, zipped(TREE))
    short = "created_by: someone\nseed_examples:\n- {question: What has keys and no locks?, "
    take(session, dataset, lead, zipped({f"{FREE}/qna.yaml": f"{short}answer: A piano.}}\n"}))

    assert session.scalar(select(func.count()).select_from(Sample)) == 6
    seeds, _ = service.counts(session, dataset)
    assert seeds[service.get(session, dataset, FREE).id] == 1
    assert len(service.leaves(session, dataset, [])) == 3


def test_the_real_trees_come_back_as_they_were(
    session: Session, dataset: Dataset, lead: Principal, real_data: Path
) -> None:
    for name, leaves in (("tree", 147), ("tree_2025-04", 16)):
        files = folder(real_data / "instructlab_taxonomy" / name)
        other = make_dataset(session, lead, name)
        found = take(session, other, lead, tarred(files), "tree.tar.gz")
        assert (found.created, found.problems) == (leaves, [])

        back = exported(session, other)

        for path, raw in files.items():
            if path.endswith("qna.yaml"):
                before, after = said(raw), said(back[path])
                told_once = {**before, "seed_examples": _once(before["seed_examples"])}
                assert after == {key: one for key, one in told_once.items() if one}, path
            elif path.endswith("attribution.txt"):
                assert back[path] == raw
        again = make_dataset(session, lead, f"{name}-again")
        packed = io.BytesIO(exporting.archive(session, other))
        assert take(session, again, lead, packed).problems == []
        assert exported(session, again) == back


def _once(examples: list[Any]) -> list[Any]:
    """Examples that a file repeats count once."""
    found: list[Any] = []
    for one in examples:
        if one not in found:
            found.append(one)
    return found


def test_approved_samples_are_seeds_of_an_export_that_asks_for_them(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    take(session, dataset, lead, zipped({f"{BIRDS}/qna.yaml": QNA_BIRDS}))
    session.execute(
        text("DELETE FROM taxonomy_seeds WHERE position = 2")
    )  # as if it had been made for the leaf
    session.execute(text("UPDATE samples SET status = 'approved'"))

    plain = said(exported(session, dataset)[f"{BIRDS}/qna.yaml"])["seed_examples"]
    more = said(exported(session, dataset, approved=True)[f"{BIRDS}/qna.yaml"])["seed_examples"]

    assert len(plain) == 1
    assert more[1]["context"] == "The wren sings all year."
    assert exported(session, dataset, under="knowledge").keys() == {f"{BIRDS}/qna.yaml"}
    with pytest.raises(AppError, match="has no `nowhere`"):
        exporting.archive(session, dataset, under="nowhere")


def _synthetic(session: Session, dataset: Dataset) -> int:
    session.commit()
    return guards.of_dataset(session, dataset).shares[0].synthetic


def test_what_a_model_wrote_comes_back_as_what_a_model_wrote(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    take(session, dataset, lead, zipped(TREE))
    made = {"generator": "lab", "model": "m-1", "run": 7, "depth": 2, "taxonomy": BIRDS}
    riddle = {"instruction": "What  runs?\r\n And?", "input": "", "output": "Water: it\nruns. \n"}
    nests = {"instruction": "Who nests?", "input": "", "output": "The wren."}
    source = sources.default(session)
    add_batch(
        session,
        Target(dataset.id, source, None, {}),
        [
            Record(
                Kind.INSTRUCTION,
                riddle,
                origin=Origin.SYNTHETIC,
                metadata=made | {"taxonomy": FREE},
            ),
            Record(
                Kind.INSTRUCTION,
                nests,
                origin=Origin.SYNTHETIC,
                metadata={**made, "context": "The wren sings all year."},
            ),
        ],
    )
    session.execute(text("UPDATE samples SET status = 'approved' WHERE origin = 'synthetic'"))
    words = _synthetic(session, dataset)
    assert words > 0
    assert "winnow.json" not in exported(session, dataset)
    raw = exporting.archive(session, dataset, approved=True)

    for name, file in (
        ("zip", io.BytesIO(raw)),
        ("tar", tarred(exported(session, dataset, approved=True))),
    ):
        other = make_dataset(session, lead, name)
        found = importing.run(session, other, file, "t", by=lead, license_="Apache-2.0")

        assert (found.seeds, found.new_seeds, found.made_seeds, found.problems) == (8, 8, 2, [])
        assert _synthetic(session, other) == words
        mine = (Sample.dataset_id == other.id) & (Sample.origin == Origin.SYNTHETIC)
        seeds = session.scalars(select(Sample).where(mine).order_by(Sample.id)).all()
        assert {samples.body(session, one).body["instruction"].split()[0] for one in seeds} == {
            "What",
            "Who",
        }
        for one in seeds:
            told_of = samples.body(session, one).sample_metadata
            assert {**told_of, "taxonomy": "", "context": ""} == {
                "generator": "lab",
                "model": "m-1",
                "depth": 2,
                "made_in_run": 7,
                "taxonomy": "",
                "context": "",
            }
            of = session.get_one(Source, one.source_id)
            assert (of.name, of.license, of.origin) == (
                f"taxonomy of {name}: not written by people",
                None,
                Origin.SYNTHETIC,
            )
        again = exporting.archive(session, other)
        assert zipfile.ZipFile(io.BytesIO(again)).read("winnow.json") == (
            zipfile.ZipFile(io.BytesIO(raw)).read("winnow.json")
        )


def test_a_sidecar_that_can_not_be_read_refuses_the_tree(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = {"leaf": FREE, "hash": "0" * 64, "origin": "human"}
    for content in ("{", "{}", json.dumps({"seeds": [line]})):
        with pytest.raises(InvalidError, match=r"tree/winnow.json can't be read .* mend it"):
            take(session, dataset, lead, zipped({**TREE, "tree/winnow.json": content}))
    monkeypatch.setattr(archive, "_MAX_SIDECAR", 10)
    with pytest.raises(TooLargeError, match=r"winnow\.json is larger"):
        take(session, dataset, lead, zipped({**TREE, "winnow.json": "x" * 11}))


HOSTILE: dict[str, Any] = {
    "../../etc/knowledge/a/qna.yaml": QNA_FREE,
    "/knowledge/a/b/qna.yaml": QNA_FREE,
    "C:\\knowledge\\a\\qna.yaml": QNA_FREE,
    "knowledge/a/link/qna.yaml": link("knowledge/a/link/qna.yaml", "/etc/passwd"),
    "knowledge/loop": link("knowledge/loop", "."),
    "knowledge/hard": link("knowledge/hard", "/etc/passwd", tarfile.LNKTYPE),
    "knowledge/pipe": link("knowledge/pipe", "", tarfile.FIFOTYPE),
    "knowledge/a/small/qna.yml": QNA_FREE,
    "knowledge/qna.yaml": QNA_FREE,
    "elsewhere/a/qna.yaml": QNA_FREE,
    "knowledge/a/bad/qna.yaml": "created_by: [\n",
    "knowledge/a/none/qna.yaml": "created_by: x\n",
    "knowledge/a/latin/qna.yaml": b"created_by: caf\xe9\n",
    "knowledge/a/com,ma/qna.yaml": QNA_FREE,
    "knowledge/a/huge/qna.yaml": b"x" * (6 << 20),
    f"{BIRDS}/paper.pdf": b"%PDF",
    f"{BIRDS}/latin.md": b"caf\xe9",
    f"other/{FREE}/qna.yaml": QNA_FREE,
    "__MACOSX/knowledge/a/qna.yaml": b"\0",
    "knowledge/.git/x/qna.yaml": b"\0",
    **TREE,
}


def test_a_hostile_archive_lands_what_is_good_and_tells_of_the_rest(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    found = take(session, dataset, lead, tarred(HOSTILE), "tree.tgz")

    assert found.created == 3
    said_of = {one.file: one.message for one in found.problems}
    for name, words in {
        "../../etc/knowledge/a/qna.yaml": "points out of the archive",
        "/knowledge/a/b/qna.yaml": "points out of the archive",
        "C:/knowledge/a/qna.yaml": "points out of the archive",
        "knowledge/a/link/qna.yaml": "is a link or a device",
        "knowledge/loop": "is a link or a device",
        "knowledge/hard": "is a link or a device",
        "knowledge/pipe": "is a link or a device",
        "knowledge/a/small/qna.yml": "is named qna.yaml",
        "knowledge/qna.yaml": "must stand in a folder below",
        "elsewhere/a/qna.yaml": "must stand in a folder below",
        "knowledge/a/bad/qna.yaml": "It is no YAML",
        "knowledge/a/none/qna.yaml": "has no seed_examples",
        "knowledge/a/latin/qna.yaml": "not in UTF-8",
        "knowledge/a/com,ma/qna.yaml": "has a comma",
        "knowledge/a/huge/qna.yaml": "larger than 5 MiB",
        f"{BIRDS}/paper.pdf": "text or Markdown alone",
        f"{BIRDS}/latin.md": "not in UTF-8",
        f"other/{FREE}/qna.yaml": "is there twice",
    }.items():
        assert words in said_of.pop(name), name
    assert said_of == {}


def test_zips_hide_links_and_passwords_too(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    out = zipped(TREE)
    with zipfile.ZipFile(out, "a") as packed:
        info = zipfile.ZipInfo("knowledge/a/link/qna.yaml")
        info.external_attr = 0o120777 << 16
        packed.writestr(info, "/etc/passwd")
    raw = bytearray(out.getvalue())
    at = raw.rindex(b"PK\x01\x02", 0, raw.rindex(b"PK\x01\x02"))
    raw[at + 8] |= 1  # the member before it says that it is encrypted

    found = take(session, dataset, lead, io.BytesIO(bytes(raw)))

    assert [(one.file, one.message.split(".")[0]) for one in found.problems] == [
        (f"{BIRDS}/qna.yaml", "It is encrypted"),
        (
            "knowledge/a/link/qna.yaml",
            "It is a link or a device; put the file itself there",
        ),
    ]
    assert found.created == 2


def test_archives_that_are_none_or_too_much_are_refused(
    session: Session, dataset: Dataset, lead: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(error: type[AppError], match: str, raw: bytes, name: str = "tree.zip") -> None:
        with pytest.raises(error, match=match):
            importing.run(session, dataset, io.BytesIO(raw), name, by=lead)

    refused(InvalidError, "neither a .zip nor a .tar.gz", b"hello")
    refused(InvalidError, "neither a .zip nor a .tar.gz", b"")
    refused(InvalidError, "can't be read to its end", zipped(TREE).getvalue()[:300])
    refused(InvalidError, "can't be read to its end", tarred(TREE).getvalue()[:-400])
    refused(InvalidError, "can't be read to its end", gzip.compress(b"x" * 2000))
    refused(InvalidError, "holds no qna.yaml", zipped({"README.md": "x"}).getvalue())
    refused(InvalidError, "holds no qna.yaml", tarred({}, "w").getvalue(), "tree.tar")
    large = tarfile.TarInfo("knowledge/a/b/large.md")
    large.size = 300 << 20
    bomb = gzip.compress(large.tobuf() + bytes(large.size), 1)
    refused(TooLargeError, "unpacks to more than 256 MiB", bomb)
    monkeypatch.setattr(archive, "_MAX_READ", 3000)
    refused(TooLargeError, "unpacks to more than", zipped({**TREE, "x": b"x" * 3000}).getvalue())
    monkeypatch.setattr(archive, "_MAX_READ", 1 << 20)
    monkeypatch.setattr(archive, "_MAX_MEMBERS", 3)
    refused(TooLargeError, "more than 3 files", zipped(TREE).getvalue())


def test_names_that_are_none_and_methods_that_are_unknown_are_told(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    out = zipped({".": "x", "knowledge/a/b/odd.md": "A text.", **TREE})
    raw = bytearray(out.getvalue())
    at = raw.index(b"PK\x01\x02", raw.index(b"PK\x01\x02") + 1)
    for place in (at + 10, raw.index(b"knowledge/a/b/odd.md") - 22):  # in the list, in its head
        raw[place] = 9

    found = take(session, dataset, lead, io.BytesIO(bytes(raw)))

    assert found.created == 3
    assert told(found) == [
        (".", None, "It has no name and is left out."),
        (
            "knowledge/a/b/odd.md",
            None,
            "It is packed by a method that can't be read (9). Use deflate.",
        ),
    ]


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED])
def test_damage_in_a_member_is_told_whatever_it_is_packed_by(
    session: Session, dataset: Dataset, lead: Principal, method: int
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as packed:
        packed.writestr(f"{FREE}/qna.yaml", QNA_FREE * 5)
    start = 30 + len(f"{FREE}/qna.yaml")
    for at in range(start, start + 60, 3):
        raw = bytearray(out.getvalue())
        raw[at : at + 6] = b"\xff\x00\xff\x00\xff\x07"
        with pytest.raises(InvalidError, match="can't be read to its end"):
            importing.run(session, dataset, io.BytesIO(bytes(raw)), "t.zip", by=lead)


def test_a_filter_by_the_path_of_a_branch_finds_the_leaves_below_it(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    more = {"compositional_skills/writing_long/tales/qna.yaml": QNA_FREE.replace("What", "Which")}
    take(session, dataset, lead, zipped({**TREE, **more}))

    def found(path: str) -> int | None:
        where = condition(session, dataset.id, f'metadata.taxonomy:"{path}"')
        return session.scalar(select(func.count()).select_from(Sample).where(where))

    assert [found(one) for one in ("compositional_skills/writing", FREE, "knowledge")] == [2, 2, 3]
    assert (found("compositional_skills"), found("compositional_skills/writ")) == (5, 0)


def test_who_may_and_into_which_datasets(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    with pytest.raises(ForbiddenError):
        importing.run(session, dataset, zipped(TREE), "t.zip", by=annotator)
    bench = make_dataset(session, lead, "bench", Purpose.BENCHMARK)
    with pytest.raises(ConflictError, match="never seeds of a generator"):
        importing.run(session, bench, zipped(TREE), "t.zip", by=lead)
    plain = make_dataset(session, lead, "plain", Purpose.PRETRAINING)
    with pytest.raises(InvalidError, match="takes none"):
        importing.run(session, plain, zipped(TREE), "t.zip", by=lead)


def test_parents_in_a_circle_harm_nobody(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    take(session, dataset, lead, zipped(TREE))
    top = service.get(session, dataset, "knowledge")
    leaf = service.get(session, dataset, BIRDS)
    top.parent_id = leaf.id
    session.commit()

    assert [one.path for one in service.leaves(session, dataset, ["knowledge"])] == [BIRDS]
    assert f"{BIRDS}/qna.yaml" in exported(session, dataset)
    assert take(session, dataset, lead, zipped(TREE)).updated == 3
    assert service.remove(session, dataset, "knowledge", by=lead) == 1
    assert len(service.leaves(session, dataset, [])) == 2


def test_targets_documents_and_branches(
    session: Session, dataset: Dataset, lead: Principal, annotator: Principal
) -> None:
    take(session, dataset, lead, zipped(TREE))

    assert service.set_target(session, dataset, "compositional_skills/", 12, by=lead) == 2
    assert service.set_target(session, dataset, FREE, None, by=lead) == 1
    assert service.set_target(session, dataset, "", 5, by=lead) == 3
    with pytest.raises(InvalidError, match="0 to 100,000"):
        service.set_target(session, dataset, FREE, -1, by=lead)
    with pytest.raises(ForbiddenError):
        service.set_target(session, dataset, FREE, 1, by=annotator)

    def attach(raw: bytes, path: str = BIRDS, name: str = "a/b.md") -> None:
        service.attach(session, dataset, path, name, raw, by=lead)

    attach(b"One two.")
    attach(b"One two three.")
    attach(b"Other.", name="c.md")
    found = service.documents(session, service.get(session, dataset, BIRDS))
    assert [(one.name, one.words) for one in found] == [("b.md", 3), ("c.md", 1)]
    for raw, words in ((b" ", "is empty"), (b"\xff", "not in UTF-8"), (b"x" * 6_000_000, "5 MiB")):
        with pytest.raises(InvalidError, match=words):
            attach(raw)
    for name, words in {
        "qna.yaml": "a file of the leaf itself",
        "x/Attribution.txt": "a file of the leaf itself",
        "paper.pdf": r"ends in \.md, .*Convert it",
        "document": "ends in",
        ".hidden.md": "begins with a dot",
        "a,b.md": "has a comma",
        f"{'n' * 100}.md": "longer than 100",
    }.items():
        with pytest.raises(InvalidError, match=words):
            attach(b"Words.", name=name)
    with pytest.raises(InvalidError, match="is a branch"):
        attach(b"x", "knowledge")
    service.detach(session, dataset, BIRDS, "c.md", by=lead)
    with pytest.raises(AppError, match="has no document"):
        service.detach(session, dataset, BIRDS, "c.md", by=lead)
    assert session.scalars(select(TaxonomyNode.path).where(TaxonomyNode.target == 5)).all()


def test_what_is_wrong_is_kept_until_the_next_import(
    session: Session, dataset: Dataset, lead: Principal
) -> None:
    assert reports.newest(session, dataset) is None
    wrong = {f"knowledge/a/bad{n}/qna.yaml": "- \0" for n in range(205)}
    found = importing.run(session, dataset, zipped(wrong), "a\0\ud800.zip", by=lead)

    kept = reports.newest(session, dataset)
    assert kept is not None
    assert (kept.file, kept.by, kept.found) == ("a\ufffd?.zip", lead.email, len(found.problems))
    assert kept.imported.problems == [
        replace(one, message=one.message.replace("\0", "\ufffd")) for one in found.problems[:200]
    ]

    importing.run(session, dataset, zipped(TREE), "good.zip", by=lead)
    kept = reports.newest(session, dataset)
    assert kept is not None
    assert (kept.file, kept.found, kept.imported.problems) == ("good.zip", 0, [])
    assert kept.imported.created == 3
