from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from app.curation.writers.base import WrittenFile
from app.curation.writers.card import CardFacts, card, obligation

FILES = [WrittenFile("train.jsonl", 1_200, 34_567, "ab" * 32)]
FACTS = CardFacts(
    name="Maths: a mix",
    summary="  Questions that people approved.  ",
    files=FILES,
    counts={
        "source": {"gsm8k": 800, "a|b <script>": 400, "unused": 0},
        "licence": {"MIT": 800, "CC-BY-SA-4.0": 400},
        "language": {"en": 1_200},
        "domain": {"": 1_200},
        "tag": {},
    },
    recipe={"where": "edu_judge>=3 ```", "seed": 7},
    left_out={"A sample of kind text has no place in the DPO layout.": 3},
)


def test_the_card_says_all_there_is() -> None:
    text = card(FACTS)

    assert "# Maths: a mix\n\nQuestions that people approved.\n" in text
    assert "| Source | Rows | Share |\n| --- | --- | --- |\n| gsm8k | 800 | 66.7% |" in text
    assert "| a\\|b &lt;script> | 400 | 33.3% |" in text
    assert "unused" not in text
    assert "| (none) | 1,200 | 100.0% |" in text
    assert "| MIT | Keep the copyright notice and the licence text. |" in text
    assert "Share changes under the same licence." in text
    assert f"| train.jsonl | 1,200 | 34,567 | {'ab' * 32} |" in text
    assert "| A sample of kind text has no place in the DPO layout. | 3 |" in text
    assert '``````json\n{\n  "seed": 7,\n  "where": "edu_judge>=3 ```"\n}\n``````' in text
    assert "## Tag" not in text


def test_the_header_is_what_hubs_read() -> None:
    header = yaml.safe_load(card(FACTS).split("---\n")[1])

    assert header == {
        "pretty_name": "Maths: a mix",
        "license": "other",
        "language": ["en"],
        "size_categories": ["1K<n<10K"],
        "configs": [{"config_name": "train", "data_files": ["train.jsonl"], "default": True}],
    }


def test_each_format_is_a_configuration_of_its_own() -> None:
    """Their columns differ, and they hold the same samples."""
    names = ("jsonl-00001.jsonl", "jsonl-00002.jsonl", "jsonl-dpo.jsonl")
    files = [WrittenFile(name, 700, 1, "00") for name in names]
    facts = CardFacts("One", "", files, {"language": {"en": 3, "not measured": 2}})

    header = yaml.safe_load(card(facts).split("---\n")[1])

    assert header["language"] == ["en"]
    assert header["size_categories"] == ["n<1K"]
    assert header["configs"] == [
        {"config_name": "jsonl", "data_files": list(names[:2]), "default": True},
        {"config_name": "jsonl-dpo", "data_files": [names[2]]},
    ]


def test_a_small_card_has_no_empty_parts() -> None:
    facts = CardFacts("One", "", FILES, {"licence": {"MIT": 1_200}})

    text = card(facts)

    assert yaml.safe_load(text.split("---\n")[1])["license"] == "mit"
    assert "## Recipe" not in text
    assert "## Left out" not in text
    assert "\n\n\n" not in text
    assert "## What the licences" not in card(CardFacts("One", "", FILES, {}))


def turn(values: Mapping[str, Any]) -> dict[str, Any]:
    return dict(reversed(list(values.items())))


def test_equal_facts_give_equal_cards() -> None:
    turned = CardFacts(
        FACTS.name,
        FACTS.summary,
        FILES,
        {name: turn(FACTS.counts[name]) for name in turn(FACTS.counts)},
        recipe=turn(FACTS.recipe),
        left_out=FACTS.left_out,
    )

    assert card(turned) == card(FACTS)


def test_the_largest_size_has_no_limit() -> None:
    files = [WrittenFile("a", 20_000_000, 1, "")]

    assert 'size_categories: ["n>10M"]' in card(CardFacts("One", "", files, {}))


def test_a_licence_asks_for_what_its_name_says() -> None:
    assert "No commercial use; share" in obligation("cc-by-nc-sa-4.0")
    assert obligation("CC0-1.0") == "None."
    assert obligation("house rules") == (
        "Not known here; read the licence before you pass the data on."
    )


def test_each_template_of_prompts_stands_once() -> None:
    made = {"generator": "lab", "prompt": "answer", "version": 2, "hash": "5e" * 32, "rows": 1_200}

    text = card(replace(FACTS, prompts=[made, {**made, "prompt": "a|b", "version": 1}]))

    assert "## Prompts\n\n| Generator | Prompt | Version | Hash | Rows of its runs |" in text
    assert f"| lab | answer | 2 | {'5e' * 6} | 1,200 |\n| lab | a\\|b | 1 |" in text
    assert "## Prompts" not in card(FACTS)
