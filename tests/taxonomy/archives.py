"""Archives of taxonomies for tests."""

import io
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

FREE = "compositional_skills/writing/riddles"
GROUNDED = "compositional_skills/extraction/totals"
BIRDS = "knowledge/science/birds"

QNA_FREE = """\
created_by: someone
task_description: To write riddles.
seed_examples:
- question: What has keys and no locks?
  answer: A piano.
- question: What has hands and can't clap?
  answer: |
    A clock.
    It has two.
"""
QNA_GROUNDED = """\
version: 2
created_by: someone
task_description: To add numbers of a text up.
seed_examples:
- context: The farm had 3 cows and 4 hens.
  question: How many animals are there?
  answer: There are 7 animals.
"""
QNA_BIRDS = """\
version: 3
created_by: a birder
domain: animals
document_outline: What birds do in winter
document:
  repo: https://example.org/birds
  commit: 1dc85d0
  patterns: [birds*.md]
seed_examples:
- context: The chickadee hides seeds in autumn.
  questions_and_answers:
  - question: What does a chickadee hide?
    answer: Seeds.
  - question: When does a chickadee hide seeds?
    answer: In autumn.
- context: The wren sings all year.
  questions_and_answers:
  - question: Which bird sings all year?
    answer: The wren does.
"""
BIRDS_TEXT = "The chickadee hides seeds in autumn.\n\nThe wren sings all year, even in snow.\n"
TREE = {
    f"{FREE}/qna.yaml": QNA_FREE,
    f"{FREE}/attribution.txt": "self-authored",
    f"{GROUNDED}/qna.yaml": QNA_GROUNDED,
    f"{BIRDS}/qna.yaml": QNA_BIRDS,
}


def zipped(files: Mapping[str, str | bytes]) -> io.BytesIO:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    out.seek(0)
    return out


def tarred(files: Mapping[str, str | bytes | tarfile.TarInfo], mode: str = "w:gz") -> io.BytesIO:
    """Files, and members made by hand such as links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            raw = content.encode() if isinstance(content, str) else content
            info = tarfile.TarInfo(name)
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
    out.seek(0)
    return out


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


def folder(root: Path) -> dict[str, bytes]:
    """The files of a folder by their names below it."""
    return {
        str(one.relative_to(root)): one.read_bytes()
        for one in sorted(root.rglob("*"))
        if one.is_file()
    }
