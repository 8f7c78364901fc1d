"""Abuse is found, also where it hides; what only looks like it is not."""

import math
from pathlib import Path

import numpy as np
import pytest

from app.curation.agreement import auroc
from app.curation.catalog import SIGNALS
from app.curation.records import Kind, Record
from app.curation.signals.batch import Batch
from benchmarks.toxicity import is_held_out, labelled
from tests.curation.records import text
from tests.curation.signals.measuring import measure, note

INSULTS = (
    *("idiot", "moron", "loser", "dumbass", "bastard", "asshole", "jerk", "prick", "bitch", "scum"),
    *("piece of shit", "retard", "creep", "imbecile", "dickhead", "slut", "wanker", "pig", "fool"),
)
FRAMES = (
    "Listen to me, {}, and get lost.",
    "My neighbour is such a {} and I can't stand him",
    "Only a {} like you would write this garbage.",
)
SIGNS = str.maketrans({"i": "1", "o": "0", "e": "3", "a": "@", "s": "$"})
ALIKE = (
    *(
        "Scunthorpe",
        "a cockpit",
        "Dick Cheney",
        "the assassin",
        "Essex",
        "a therapist",
        "the bassist",
    ),
    *("class assignments", "a shuttlecock", "the title", "Sussex", "an analyst", "grapefruit"),
    *("the constitution", "Cockermouth", "a matador", "breast cancer", "the hellebore", "mishits"),
    *("a passage", "sextants", "documents", "the vacuum", "snickers", "penicillin"),
)
CALM = ("The report mentions {} twice.", "We talked about {} over lunch.", "Where can I find {}?")


def toxicity(texts: list[str]) -> np.ndarray:
    records = [text(one) for one in texts]
    return SIGNALS["toxicity"]().score(Batch(records)).values[:, 0]


@pytest.mark.parametrize("hidden", [False, True])
def test_planted_insults_are_found(hidden: bool) -> None:
    words = [word.translate(SIGNS) if hidden else word for word in INSULTS]

    found = toxicity([frame.format(word) for frame in FRAMES for word in words])

    assert (found >= 0.5).mean() >= 0.9


def test_harmless_look_alikes_are_not() -> None:
    found = toxicity([frame.format(word) for frame in CALM for word in ALIKE])

    assert (found >= 0.5).mean() <= 0.1


def test_words_that_are_spoken_of_weigh_less() -> None:
    said = toxicity([f"You are a {word}." for word in INSULTS])
    told = toxicity([f"The word '{word}' comes from Latin." for word in INSULTS])
    denied = toxicity([f"She is not a {word} at all." for word in INSULTS])

    assert (said > told).all()
    assert (said > denied).mean() >= 0.9


@pytest.mark.parametrize("hidden", ["1D10t!", "i d i o t", "idiooooot", "i.d.i.o.t", "IDIOT"])
def test_hidden_words_are_the_words(hidden: str) -> None:
    assert measure("toxicity", f"You {hidden}") == measure("toxicity", "You idiot")


def test_only_the_part_with_abuse_is_marked() -> None:
    calm = (
        "The meadow is green and the river runs slowly to the sea, as it has for many years. " * 4
    )
    content = f"{calm}\nShut up, you stupid piece of shit, nobody likes you.\n{calm}"

    found = note("toxicity", content)

    assert measure("toxicity", content)["toxicity"] > 0.5
    assert 0 < measure("toxicity", content)["toxic_frac"] < 0.7
    assert found is not None
    assert any("Shut up" in content[start:end] for start, end in found.spans)
    assert note("toxicity", calm) is None
    assert measure("toxicity", content, threshold=0.999)["toxic_frac"] == 0
    assert math.isnan(measure("toxicity", "")["toxicity"])


def test_held_out_comments_are_ranked(real_data: Path) -> None:
    rows = [(name, *row) for name, row in labelled(real_data) if is_held_out(row[0])]

    for name, least in (("tweets", 0.95), ("comments", 0.9), ("concept", 0.85)):
        part = [(content, truth) for each, content, truth in rows if each == name][:1500]
        records = [Record(Kind.TEXT, {"text": content}) for content, _ in part]
        values = SIGNALS["toxicity"]().score(Batch(records)).values[:, 0].astype(float)
        assert auroc(values, np.array([truth for _, truth in part], float)) >= least
