"""What is said of programs that ended, which back end is taken, what is shown of it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from app.curation.ports import Trial
from app.errors import UnavailableError
from app.sandbox import bubblewrap, namespaces, running, strength, watching
from app.sandbox import filter as calls
from app.sandbox.boxes import Box
from app.sandbox.layout import layout
from app.sandbox.limits import Limits

ROOT = Path(__file__).resolve().parents[2]
SYSTEM_PYTHON = Path("/usr/bin/python3")


@pytest.fixture(autouse=True)
def anew() -> None:
    strength.box.cache_clear()


def test_a_program_runs_and_its_words_and_status_are_told(box: Box) -> None:
    ran = box.run("import sys\nprint('out'); print('err', file=sys.stderr); exit(3)")

    assert (ran.code, sorted(ran.output.split()), ran.over) == (3, ["err", "out"], "")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import os\ndef f(): os.kill(os.getpid(), 11)", "crashed: a segmentation fault"),
        ("import os\ndef f(): os.abort()", "was aborted"),
        ("import os\ndef f(): os.kill(os.getpid(), 9)", "was killed, by itself or for want of"),
        ("import os\ndef f(): os.kill(os.getpid(), 24)", "was killed, by itself or for want of"),
        ("def f():\n    while True: pass", "used up its 1 s of processor time"),
        ("def f():\n    while True: print('x' * 10_000)", "used up its 1 s"),
        ("def f():\n    import time; time.sleep(60)", "did not end within 4 s"),
    ],
)
def test_why_a_program_ended_is_told(box: Box, source: str, says: str) -> None:
    found = box.check(Trial(source, "f()", seconds=1))

    assert found.passed is False
    assert says in found.reason


def test_tests_that_end_themselves_are_no_verdict(box: Box) -> None:
    found = box.check(Trial("def f(): return 1", "import os\nf()\nprint('bye')\nos._exit(0)"))

    assert found.passed is None
    assert "without a verdict" in found.reason


def test_numpy_is_there_when_it_is_asked_for(box: Box) -> None:
    source = "import numpy as np\ndef f(x): return np.mean(x), np.array([1])"
    tests = "import numpy\nassert f([1, 2, 3])[0] == 2\nassert f([1])[1].tolist() == [1]"

    assert box.check(Trial(source, tests, libraries=("numpy",))).passed is True
    assert box.check(Trial(source, tests)).passed is None


def test_the_same_program_does_the_same_each_time(box: Box) -> None:
    source = "print({str(n) for n in range(20)})"

    assert len({box.run(source).output for _ in range(3)}) == 1


def test_nothing_of_a_run_stays_open(box: Box) -> None:
    box.check(Trial("def f(): return 1", "f()"))
    before = len(list(Path("/proc/self/fd").iterdir()))

    for _ in range(5):
        box.check(Trial("def f(): return 1", "f()"))
        box.run("import os; os.fork(); print(1)")

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_back_end_of_choice_is_bubblewrap() -> None:
    if strength.problem_of(bubblewrap):
        pytest.skip("Bubblewrap does not work here")

    assert strength.box().name == "bubblewrap"


def test_without_it_namespaces_do(monkeypatch: pytest.MonkeyPatch) -> None:
    if strength.problem_of(namespaces):
        pytest.skip("namespaces can't be made here")
    monkeypatch.setattr(bubblewrap, "found", lambda: None)

    assert strength.box().name == "namespaces"
    assert strength.strength().backend == "namespaces"


def test_where_neither_works_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bubblewrap, "found", lambda: None)
    monkeypatch.setattr(namespaces, "command", lambda *_: ["/bin/false"])

    with pytest.raises(UnavailableError, match="Install Bubblewrap"):
        strength.box()
    found = strength.strength()
    assert found.backend == "none"
    assert "bubblewrap: not installed; namespaces: " in found.problem


def test_a_back_end_that_can_not_be_started_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespaces, "command", lambda *_: ["/nowhere/at/all"])

    assert "No such file" in strength.problem_of(namespaces)
    with pytest.raises(OSError, match="No such file"):
        Box(namespaces).check(Trial("", ""))


def test_a_back_end_that_isolates_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would run the program, but as this user in this file system."""

    def bare(
        _seen: object, _limits: object, start: list[str], order: int, _filter: object
    ) -> list[str]:
        script = (
            "import json, os, sys\n"
            "order = json.load(os.fdopen(int(sys.argv[1])))\n"
            "exec(order['source'])\n"
        )
        return [sys.executable, "-c", script, str(order)]

    monkeypatch.setattr(namespaces, "command", bare)

    assert "AssertionError" in strength.problem_of(namespaces)


def test_what_it_keeps_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = dict(strength.strength().kept)
    assert {"Network", "Files", "Memory", "System calls", "Verdict"} <= set(kept)

    monkeypatch.setattr(calls, "program", lambda: None)
    monkeypatch.setattr(watching, "can_watch", lambda: False)
    weaker = dict(strength.strength().kept)
    assert "not filtered" in weaker["System calls"]
    assert weaker["Memory"] == "512 MiB for each process"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_a_program_whose_jumps_stay_inside(machine: str) -> None:
    code = calls.program(machine)

    assert code is not None
    steps = [code[place : place + 8] for place in range(0, len(code), 8)]
    assert len(steps) < 256
    for place, step in enumerate(steps):
        if step[0] & 7 == 5:  # a jump
            assert place + 1 + max(step[2], step[3]) < len(steps)
    assert calls.program("pdp11") is None


def test_a_library_without_a_folder_is_left_out() -> None:
    assert layout(("nothing_such",)).libraries == ()
    assert layout(("this",)).libraries == ()


def test_limits_follow_what_a_verifier_asks_for() -> None:
    limits = Limits.of(3, 64)

    assert (limits.cpu_s, limits.wall_s, limits.memory) == (3, 8, 64 << 20)
    assert limits.by_process()["RLIMIT_AS"] == 64 << 20


def test_memory_of_a_process_that_is_gone_is_none() -> None:
    assert watching.memory([2**22 + 1], 0) == 0
    assert watching.seconds([2**22 + 1], {}) == 0
    assert 1 << 20 < watching.memory([os.getpid()], 0) < watching.memory([os.getpid()], 1 << 40)
    assert watching.can_watch()


def test_without_page_tables_all_that_is_resident_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    held = watching.memory([os.getpid()], 0)
    monkeypatch.setattr(watching, "_PARTS", ("Nothing:",))

    assert watching.memory([os.getpid()], 0) > held


def test_time_of_a_process_that_nobody_waited_for_is_not_forgotten() -> None:
    seen = {(1, "5"): 1000 * os.sysconf("SC_CLK_TCK")}

    assert watching.seconds([os.getpid()], seen) >= 1000
    assert len(seen) == 2


def test_a_program_that_says_nothing_is_seen_to_its_end() -> None:
    with subprocess.Popen(["true"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        part = running.Part(process, process.stdout)
        running.see_to_the_end([part], Limits())

    assert (part.code, bytes(part.said)) == (0, b"")


@pytest.mark.parametrize("backend", strength.BACKENDS, ids=lambda one: str(one.NAME))
def test_it_works_without_root(backend: ModuleType, tmp_path: Path) -> None:
    """As a container runs it: no rights at all, so that user namespaces are what isolates."""
    if os.geteuid() != 0:
        pytest.skip("all tests here run without root")
    if strength.problem_of(backend):
        pytest.skip(f"{backend.NAME} does not work here")
    packages = next(one for one in sys.path if one.endswith("site-packages"))
    code = (
        "import sys, json\n"
        f"sys.path[:0] = [{str(ROOT)!r}, {packages!r}]\n"
        "from app.sandbox.strength import BACKENDS, problem_of\n"
        "from app.sandbox.boxes import Box\n"
        "from app.curation.ports import Trial\n"
        f"backend = next(one for one in BACKENDS if one.NAME == {backend.NAME!r})\n"
        "problem = problem_of(backend)\n"
        "found = Box(backend).check(Trial('def f(): return 1', 'assert f() == 1'))\n"
        "print(json.dumps([problem, found.passed]))\n"
    )
    if not Path(f"/usr/bin/python3.{sys.version_info.minor}").exists():
        pytest.skip("there is no Python of this version that everybody may run")

    ran = subprocess.run(
        [SYSTEM_PYTHON, "-B", "-c", code],
        capture_output=True,
        text=True,
        user=10001,
        group=10001,
        extra_groups=[],
        check=False,
        env={"PATH": os.environ["PATH"]},
        cwd="/",
    )

    if "Permission" in ran.stderr and not ran.stdout:
        pytest.skip("nobody else may read this checkout")
    assert json.loads(ran.stdout) == ["", True], ran.stderr
