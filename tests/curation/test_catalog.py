import importlib
import inspect
import pkgutil
import re

import pytest

from app.curation import signals
from app.curation.catalog import MEASURES, PROFILES, SIGNALS, UnknownMethodError, signal
from app.curation.signals.base import Signal
from app.curation.signals.warming import warm


def test_every_signal_of_the_folder_is_offered() -> None:
    found = {
        member
        for module in pkgutil.iter_modules(signals.__path__, f"{signals.__name__}.")
        for _, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        if issubclass(member, Signal) and member is not Signal
    }

    assert found == set(SIGNALS.values())


def test_measures_are_named_once_and_explained() -> None:
    measures = [measure for each in SIGNALS.values() for measure in each.measures]

    assert len(MEASURES) == len(measures)
    for measure in measures:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", measure.name)
        assert measure.title
        assert measure.help.endswith(".")
        assert MEASURES[measure.name][1] is measure


@pytest.mark.parametrize("method", SIGNALS.values(), ids=SIGNALS)
def test_signals_say_what_they_are(method: type[Signal]) -> None:
    assert method.title
    assert len(method.help()) > 40
    assert method().fingerprint() == method().fingerprint()
    for name, field in method.model_fields.items():
        assert field.description, f"{name} needs a description: it is the label in the form."


def test_an_unknown_key_is_answered_with_those_there_are() -> None:
    assert signal("c4") is SIGNALS["c4"]
    with pytest.raises(UnknownMethodError, match=r"There is no signal 'c5'; there are .*c4"):
        signal("c5")


def test_profiles_judge_measures_that_exist() -> None:
    assert set(PROFILES) == {"web", "book", "code", "instruction", "chat"}
    for profile in PROFILES.values():
        names = [condition.measure for condition in profile.conditions]
        assert set(names) <= set(MEASURES)
        assert len(names) == len(set(names))


def test_warming_up_runs_every_signal() -> None:
    warm()
