"""The recipe of the toxicity signal: learns its weights from labelled comments, and says how well.

`python -m benchmarks.toxicity` reads the labelled sets below the data folder and writes the weights
beside the signal. Nothing of the texts is kept: a weight belongs to a bucket of hashed pieces of
words. Texts whose hash falls into the last three tenths are never learned from.
"""

import argparse
import csv
import gzip
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from app.curation.signals.toxicity import WEIGHTS
from app.curation.text.corpus import Corpus
from app.curation.text.grams import BUCKETS, features, next_window, room_for

_ROOT = Path(__file__).resolve().parents[1]
Labelled = tuple[str, bool]
_HELD_OUT = 0.3
# How much a set counts on either side, however large it is.
_SHARES = {"made up": 9000, "harmless": 3500}
_STEPS = 127  # weights are whole numbers of this many steps to each side

# Harmless words that hold or look like coarse ones, and what they mostly stand in.
_ALIKE = (
    *("Scunthorpe", "Penistone", "Cockburn", "Essex", "Sussex", "Middlesex", "Dickens", "Hancock"),
    *(
        "cockpit",
        "peacock",
        "cocktail",
        "cockroach",
        "hitchcock",
        "shuttlecock",
        "assassin",
        "classic",
    ),
    *(
        "assess",
        "assignment",
        "bass",
        "grass",
        "passage",
        "compass",
        "embarrass",
        "brass",
        "massage",
    ),
    *("analysis", "analog", "canal", "therapist", "grape", "drape", "scrape", "title", "institute"),
    *("constitution", "competition", "button", "butter", "rebuttal", "hello", "shell", "Michelle"),
    *(
        "sextet",
        "sextant",
        "unisex",
        "circumstance",
        "document",
        "accumulate",
        "cucumber",
        "vacuum",
    ),
    *("shitake", "mishit", "Matsushita", "dam", "damage", "raccoon", "snigger", "niggle", "Niger"),
    *("Nigeria", "pussy willow", "pussycat", "blowfish", "handjob application", "horned owl"),
    *(
        "titmouse",
        "blue tit",
        "tithe",
        "spic and span",
        "suspicious",
        "spice",
        "Turkey",
        "fagot stitch",
    ),
    *(
        "faggot of wood",
        "dyke against the sea",
        "Van Dyke",
        "queer theory",
        "breast cancer",
        "vagina",
    ),
    *(
        "penis",
        "sexual health",
        "sex education",
        "rectal exam",
        "anal fissure",
        "prostate",
        "crap table",
    ),
    *(
        "hoe for the garden",
        "black people",
        "gay marriage",
        "Muslim holiday",
        "Jewish food",
        "lesbian",
    ),
    *(
        "Donald Trump",
        "Joe Biden",
        "Barack Obama",
        "the president",
        "Harry Potter",
        "the full moon",
    ),
    *("trash can", "dump truck", "monkey bars", "a white shirt", "redneck riviera", "yellow bird"),
    *(
        "kill the process",
        "killer whale",
        "dead line",
        "shoot a photo",
        "beat the eggs",
        "execute it",
    ),
)
_FRAMES = (
    "The word {} stands in the text.",
    "We read about {} in class today.",
    "Please tell me more about {}, thank you.",
    "{} is the topic of this article.",
    "My doctor explained {} to me.",
    "It has nothing to do with {}.",
    "He lives near {} and likes it there.",
    "How do I use {} in a sentence?",
)
_INSULTS = (
    *(
        "idiot",
        "moron",
        "stupid",
        "dumb",
        "loser",
        "scum",
        "trash",
        "pathetic",
        "retard",
        "imbecile",
    ),
    *(
        "bastard",
        "bitch",
        "asshole",
        "dickhead",
        "slut",
        "whore",
        "cunt",
        "prick",
        "wanker",
        "twat",
    ),
    *(
        "fuck",
        "fucking",
        "shit",
        "bullshit",
        "piece of shit",
        "jerk",
        "creep",
        "pig",
        "vermin",
        "filth",
    ),
    *(
        "dumbass",
        "douchebag",
        "motherfucker",
        "worthless",
        "ugly",
        "freak",
        "psycho",
        "dimwit",
        "fool",
    ),
)
_ABUSE = (
    "You are a {}.",
    "What a {} you are!",
    "Shut up, you {}",
    "Go away {}",
    "you {} nobody likes you",
    "I hate you, {}.",
    "These people are {}",
    "{} like you should disappear",
    "that {} again, get out of my sight",
    "my boss is the biggest {} of all",
)
# The same frames with nothing bad in them, and words that are spoken of, not said to somebody.
_KIND = (
    *("friend", "kind person", "good teacher", "doctor", "nurse", "smart child", "dear", "genius"),
    *("black cat", "white horse", "tall man", "young woman", "great cook", "member", "customer"),
    *("hero", "student", "helpful assistant", "winner", "nice colleague", "star", "mother", "bird"),
)
_SPOKEN_OF = (
    "The word '{}' comes from an old language.",
    "It is rude to call somebody a {}.",
    "He is not a {} at all.",
    "She is not {}.",
    'What does "{}" mean in English?',
    "Why do people say {} to each other?",
)
_HIDDEN = {"a": "@4", "i": "1!", "e": "3", "o": "0", "s": "$5", "t": "7"}


def labelled(data: Path) -> Iterator[tuple[str, Labelled]]:
    """Every labelled text with the name of its set; True is toxic."""
    folder = data / "toxicity_dev"
    with gzip.open(folder / "davidson_labeled_data.csv.gz", "rt", encoding="utf-8") as tweets:
        for row in csv.DictReader(tweets):
            yield "tweets", (row["tweet"], row["class"] != "2")
    with (folder / "surge_toxicity_en.csv").open(encoding="utf-8") as comments:
        for row in csv.DictReader(comments):
            yield "comments", (row["text"], row["is_toxic"] == "Toxic")
    with (folder / "lilac_concept_toxicity.json").open(encoding="utf-8") as concept:
        for row in json.load(concept)["data"].values():
            if row.get("text"):
                yield "concept", (row["text"], bool(row["label"]))


def is_held_out(text: str) -> bool:
    """By the text's own hash, so that each run, and each copy of a text, falls the same way."""
    digest = hashlib.sha256(" ".join(text.lower().split()).encode("utf-8", "replace")).digest()
    return digest[0] >= 256 * (1 - _HELD_OUT)


def made_up() -> Iterator[Labelled]:
    """Harmless look-alikes in plain sentences, and abuse, also with signs for letters."""
    draw = random.Random(5)
    for frame in _FRAMES:
        for word in _ALIKE:
            yield frame.format(word), False
    for frame in _ABUSE:
        for word in _KIND:
            said = frame.format(word).replace("hate", "like").replace("Shut up", "Come in")
            yield (
                said.replace("nobody likes you", "we like you").replace("should disappear", "stay"),
                False,
            )
    for frame in _SPOKEN_OF:
        for word in _INSULTS:
            yield frame.format(word), False
    for frame in _ABUSE:
        for word in _INSULTS:
            yield frame.format(word), True
            yield frame.format(_hidden(word, draw)), True


def _hidden(word: str, draw: random.Random) -> str:
    """With a sign in place of a letter, or one letter starred out."""
    place = draw.randrange(1, len(word))
    signs = _HIDDEN.get(word[place], "*")
    return word[:place] + draw.choice(signs + "*") + word[place + 1 :]


def harmless(data: Path) -> Iterator[Labelled]:
    """Everyday questions and answers under permissive licences, as what most data looks like."""
    with gzip.open(data / "gsm8k" / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in list(file)[:2500]:
            row = json.loads(line)
            yield row["question"], False
    with gzip.open(
        data / "dolly_part" / "dolly_first6400.jsonl.gz", "rt", encoding="utf-8"
    ) as file:
        for row in map(json.loads, file):
            yield row["instruction"], False
            yield row["response"][:800], False
    with gzip.open(data / "mmlu" / "mmlu_test.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in list(file)[::4]:
            yield json.loads(line)["question"], False
    for path in sorted((data / "oasst_sample").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield from ((text[:400], False) for text in _texts(json.loads(line)))


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        for value in node.values():
            yield from _texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value)


def parts(text: str) -> Iterator[str]:
    """The windows in which the signal reads a text."""
    corpus, start = Corpus.of([text]), 0
    while start < len(text):
        stop = next_window(corpus.codes, start, len(text))
        yield text[start:stop]
        start = stop


def matrix(texts: list[str]) -> csr_matrix:
    """A row per text: how often each bucket is hit, scaled to length one."""
    corpus = Corpus.of(texts)
    room = room_for(max(map(len, texts)))
    starts, places = [0], []
    for row in range(len(texts)):
        count = features(corpus.codes, corpus.offsets[row], corpus.offsets[row + 1], room)
        places.append(room[:count].astype(np.int32))
        starts.append(starts[-1] + count)
    counts = np.diff(starts)
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32)
    return csr_matrix((values, np.concatenate(places), starts), shape=(len(texts), BUCKETS))


def learn(data: Path, strength: float = 4.0) -> tuple[NDArray[np.int8], float, float]:
    """Weights in steps, the size of a step, and the bias."""
    rows = [(name, row) for name, row in labelled(data) if not is_held_out(row[0])]
    rows += [("made up", row) for row in made_up()]
    calm = [text for text, truth in harmless(data) if not truth]
    calm += [text for name, (text, truth) in rows if not truth and name != "made up"]
    # The signal scores part by part, and each part of a harmless text is harmless.
    rows += [("harmless", (part, False)) for text in calm for part in parts(text)]
    truths = np.array([truth for _, (_, truth) in rows])
    names = np.array([name for name, _ in rows])
    shares = np.ones(len(rows))
    for name in set(names.tolist()):
        for truth in (True, False):
            chosen = (names == name) & (truths == truth)
            shares[chosen] = _SHARES.get(name, 2000) / max(chosen.sum(), 1)
    model = LogisticRegression(C=strength, max_iter=300, solver="liblinear")
    model.fit(matrix([text for _, (text, _) in rows]), truths, sample_weight=shares)
    step = float(np.abs(model.coef_[0]).max()) / _STEPS
    weights = np.round(model.coef_[0] / step).astype(np.int8)
    return weights, step, float(model.intercept_[0])


def main() -> None:
    """Learn and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=_ROOT.parent / "shared" / "data")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    arguments = parser.parse_args()
    weights, step, bias = learn(arguments.data)
    np.savez_compressed(arguments.out, weights=weights, step=step, bias=bias)


if __name__ == "__main__":
    main()
