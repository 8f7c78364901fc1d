"""Every forgery by every kind of object, without a sandbox around it: what is believed."""

import pytest

from tests.sandbox.test_inside import run
from tests.sandbox.test_lies import ABOUT, BAG, BY, FORGED, LIAR, OF_PYTHONS, PYTHONS

# A number that is not zero is true, and so is a list that is not empty: Python's own rules.
_TRUE = {"truth", "or"}
_CAUGHT = {"tests that catch everything"}  # they catch their own assertion, too
_SO = {"a list of objects": {*_TRUE, *_CAUGHT}, "a number": {*_TRUE, *_CAUGHT}}
# numpy looks for lists in lists in it, until the sandbox ends that.
_ENDLESS = {(by, one) for by in list(BY)[3:] for one in ("allclose", "an array less")}


@pytest.mark.parametrize(
    ("by", "forged"), sorted({(by, one) for by in BY for one in FORGED} - _ENDLESS)
)
def test_only_what_is_so_by_pythons_own_rules_passes(by: str, forged: str) -> None:
    report = run(BY[by].format("".join(LIAR)), FORGED[forged], entry_point="f")

    assert report["passed"] is (forged in _SO.get(by, ())), report


@pytest.mark.parametrize(("tests", "passed"), ABOUT)
def test_a_class_is_asked_where_tests_are_about_it(tests: str, passed: bool) -> None:
    assert run(BAG, tests)["passed"] is passed


def test_values_of_python_are_tested_by_its_rules() -> None:
    report = run(PYTHONS, OF_PYTHONS)

    assert report["passed"] is True, report
    assert run(PYTHONS, "assert times(3) < 5")["passed"] is False
    assert run(PYTHONS, "assert times(3) + 5 == 5")["passed"] is False
