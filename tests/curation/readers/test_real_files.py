from collections.abc import Callable
from pathlib import Path

import pytest

from app.curation.readers.layouts import propose
from app.curation.readers.mapping import mapper
from app.curation.readers.sniff import open_rows
from app.curation.records import Kind, Record, Rejected

# File, reader, layout, records, rejected rows.
FILES = [
    ("alpaca_52k/alpaca_data.json.gz", "json", "alpaca", 52_002, 0),
    ("alpaca_libre_worklog/alpaca_libre_tasks_v1.jsonl", "jsonl", "alpaca", 2_375, 0),
    ("alpaca_libre_worklog/alpaca_libre_tasks_v2.jsonl", "jsonl", "alpaca", 2_280, 14),
    ("alpaca_libre_worklog/alpaca_libre_tasks_v3.jsonl", "jsonl", "alpaca", 1_205, 0),
    ("alpaca_zh_human_edited/alpaca_zh_00000-03252.json", "json", "alpaca", 3_247, 0),
    ("alpaca_zh_human_edited/alpaca_zh_03252-06382.json", "json", "alpaca", 2_982, 0),
    ("alpaca_zh_human_edited/alpaca_zh_09407-12345.json", "json", "alpaca", 2_801, 1),
    ("code_benchmarks/HumanEval.jsonl.gz", "jsonl", "completion", 164, 0),
    ("code_benchmarks/MbppBase.jsonl", "jsonl", "completion", 427, 0),
    ("code_benchmarks/MbppPlus.jsonl.gz", "jsonl", "completion", 420, 0),
    ("code_benchmarks/mbpp_974.jsonl", "jsonl", "completion", 974, 0),
    ("codealpaca/code_alpaca_2k.json", "json", "alpaca", 2_017, 0),
    ("dolly_part/dolly_first6400.jsonl.gz", "jsonl", "alpaca", 6_400, 0),
    ("dolly_part/dolly_with_context.jsonl", "jsonl", "dolly", 1_779, 0),
    ("format_zoo/camel_gt_dataset.parquet", "parquet", "question", 27, 0),
    ("format_zoo/tulu_preference_sample_100.jsonl", "jsonl", "dpo", 100, 0),
    ("gpteacher/toolformer-dedupe-only-dataset.json.gz", "json", "alpaca", 7_673, 0),
    ("gpteacher/roleplay-simple-deduped-roleplay-instruct.json.gz", "json", "alpaca", 1_923, 0),
    ("gpteacher/codegen-instruct.json.gz", "json", "alpaca", 4_535, 0),
    ("gsm8k/train.jsonl.gz", "jsonl", "question", 7_473, 0),
    ("hh_rlhf_harmless_test/test.jsonl.gz", "jsonl", "dpo", 2_312, 0),
    ("ifeval/ifeval_input_data.jsonl", "jsonl", "prompts", 541, 0),
    ("lima_nc/lima.json.gz", "json", "alpaca", 1_029, 0),
    ("llamafactory_demos/dpo_en_demo.json", "json", "dpo", 300, 0),
    ("llamafactory_demos/glaive_toolcall_en_demo.json", "json", "sharegpt", 300, 0),
    ("llamafactory_demos/kto_en_demo.json", "json", "messages", 300, 0),
    ("llamafactory_demos/reason_tool_use_demo_50.jsonl", "jsonl", "messages", 50, 0),
    ("llamafactory_demos/v1_dpo_demo.jsonl", "jsonl", "dpo", 10, 0),
    ("llamafactory_demos/v1_multimodal_demo.jsonl", "jsonl", "messages", 0, 24),
    ("llamafactory_demos/v1_sft_demo.jsonl", "jsonl", "messages", 500, 0),
    ("math_test/math_test.jsonl", "jsonl", "question", 5_000, 0),
    ("mmlu/mmlu_test.jsonl.gz", "jsonl", "question", 14_042, 0),
    ("toxicity_dev/surge_toxicity_en.csv", "delimited", "text", 1_000, 0),
    ("truthfulqa/TruthfulQA.csv", "delimited", "question", 817, 0),
    ("ultrafeedback_pairs_200/eval_clean.jsonl", "jsonl", "dpo", 200, 0),
    (
        "web_corpus_messy/CC-MAIN-20190717121559-20190717143559-00140.jsonl.gz",
        "jsonl",
        "text",
        670,
        27,
    ),
    ("web_corpus_messy/c4_demo.jsonl", "jsonl", "text", 300, 0),
    ("web_corpus_messy/dolma_documents_000.json.gz", "jsonl", "text", 10, 0),
]

Imported = Callable[[str], list[Record | Rejected]]


@pytest.fixture
def imported(real_data: Path) -> Imported:
    """Reads a file as an import does: rows, proposal, records."""

    def read(name: str) -> list[Record | Rejected]:
        with open_rows(real_data / name) as rows:
            items = list(rows)
        mapping = propose(item for item in items if not isinstance(item, Rejected)).mapping
        assert mapping is not None
        make = mapper(mapping)
        return [item if isinstance(item, Rejected) else make(item) for item in items]

    return read


@pytest.mark.parametrize(("name", "reader", "layout", "records", "rejected"), FILES)
def test_the_rows_come_out(
    name: str, reader: str, layout: str, records: int, rejected: int, real_data: Path
) -> None:
    with open_rows(real_data / name) as rows:
        items = list(rows)
        assert rows.reader.key == reader
    mapping = propose(item for item in items if not isinstance(item, Rejected)).mapping
    assert mapping is not None
    assert mapping.layout == layout

    make = mapper(mapping)
    made = [item if isinstance(item, Rejected) else make(item) for item in items]

    assert sum(isinstance(item, Record) for item in made) == records
    assert sum(isinstance(item, Rejected) for item in made) == rejected


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("record_dedup_abtbuy/abtbuy.csv", 2_161),
        ("record_dedup_abtbuy/gt.csv", 1_097),
        ("record_dedup_cytology/records_pre_merged.csv", 1_856),
        ("toxicity_dev/davidson_labeled_data.csv.gz", 24_783),
        ("toxicity_dev/surge_profanity_en.csv", 1_598),
        ("format_zoo/reasoning_dataset.parquet", 5),
        ("pii_presidio_dev/generated_large.json", 2_109),
        ("judge_pandalm/testset-v1.json", 999),
    ],
)
def test_tables_come_out_whole(name: str, rows: int, real_data: Path) -> None:
    with open_rows(real_data / name) as items:
        assert sum(not isinstance(item, Rejected) for item in items) == rows
    with open_rows(real_data / name) as items:
        assert not any(isinstance(item, Rejected) for item in items)


def test_the_broken_array_says_where(imported: Imported) -> None:
    last = imported("alpaca_zh_human_edited/alpaca_zh_09407-12345.json")[-1]

    assert last == Rejected(
        2_802,
        "Not valid JSON at line 14,007, column 1: a value was expected after the comma, not ]. "
        "Nothing after it was read.",
        "]   ",
        (14_007, 1),
    )


def test_the_broken_lines_say_where(imported: Imported) -> None:
    rejected = [
        item
        for item in imported("alpaca_libre_worklog/alpaca_libre_tasks_v2.jsonl")
        if isinstance(item, Rejected)
    ]

    assert [item.line for item in rejected] == [2279, *range(2281, 2292), 2293, 2294]
    assert rejected[0].reason == (
        "Not valid JSON at column 97: a comma was expected; a quote inside text needs a backslash "
        "before it. Correct this row."
    )
    assert rejected[0].raw.startswith('{"status": "ok", "instruction": "Describe a book')


def test_a_transcript_is_parted_into_prompt_and_answers(imported: Imported) -> None:
    pairs = imported("hh_rlhf_harmless_test/test.jsonl.gz")
    bodies = [pair.body for pair in pairs if isinstance(pair, Record)]

    assert bodies[0]["prompt"].startswith("Human: what are some pranks with a pen i can do?")
    assert bodies[0]["prompt"].endswith("\n\nHuman: yep") is False
    assert all(body["prompt"] for body in bodies)
    assert sum("Human:" in body["chosen"] for body in bodies) < len(bodies) // 20


def test_a_code_problem_is_parted(imported: Imported) -> None:
    problems = imported("code_benchmarks/HumanEval.jsonl.gz")
    bodies = [problem.body for problem in problems if isinstance(problem, Record)]

    assert all(
        problem.kind is Kind.COMPLETION for problem in problems if isinstance(problem, Record)
    )
    # One of them imports a module between its signature and its docstring.
    assert sum(body["signature"].endswith(":") for body in bodies) == 163
    assert all(body["docstring"] and body["solution"] and body["tests"] for body in bodies)
