"""The demo dataset: three JSON Lines files, their list of planted flaws and guidelines for annotators."""

from pathlib import Path

FOLDER = Path(__file__).parent
FILES = (
    FOLDER / "instructions.jsonl",
    FOLDER / "chats.jsonl",
    FOLDER / "completions.jsonl",
)
FLAWS = FOLDER / "flaws.json"
GUIDELINES = FOLDER / "GUIDELINES.md"
