"""The demo dataset: three JSON Lines files, the list of planted flaws and the guidelines."""

from pathlib import Path

FOLDER = Path(__file__).parent
FILES = (
    FOLDER / "instructions.jsonl",
    FOLDER / "chats.jsonl",
    FOLDER / "completions.jsonl",
)
FLAWS = FOLDER / "flaws.json"
GUIDELINES = FOLDER / "GUIDELINES.md"
