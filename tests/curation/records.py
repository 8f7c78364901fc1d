"""Records for the tests of methods, the odd ones included."""

from app.curation.records import Kind, Record


def text(content: str) -> Record:
    """A plain text."""
    return Record(Kind.TEXT, {"text": content})


def answer(output: str, instruction: str = "Say it.") -> Record:
    """An instruction with its answer."""
    return Record(Kind.INSTRUCTION, {"instruction": instruction, "input": "", "output": output})


def chat(*turns: tuple[str, str]) -> Record:
    """A chat of (role, content)."""
    return Record(
        Kind.CHAT, {"messages": [{"role": role, "content": content} for role, content in turns]}
    )


ODD_TEXTS = {
    "empty": "",
    "one character": "a",
    "one mark": "!",
    "a megabyte in one word": "x" * 1_000_000,
    "a megabyte in one line": "one more word " * 70_000,
    "a megabyte of line feeds": "\n" * 1_000_000,
    "full stops": "." * 50_000,
    "emoji": "🙂👍🏽 fine 👩‍👩‍👧 🇩🇪!",
    "right to left": "שלום עולם. مرحبا بالعالم؟",
    "combining marks": "Tie\u0302\u0301ng Vie\u0323\u0302t e\u0301",
    "lone surrogates": "a \ud83d b \udc00",
    "NUL": "a\x00b\x00",
    "white space": " \t\r\n\u00a0\u2003\u2028\x0b\x1c",
    "no spaces": "自然语言处理很有趣。我们喜欢它！",
    "beyond the table": "\U000e0041\U0010fffd tag",
    "open brackets": "(" * 10_000,
    "at signs": "a@" * 20_000,
    "digits": "1234567890 " * 5_000,
    "code": "```python\ndef f(:\n```",
    "unfinished fence": "```\nx = 1",
}

ODD_RECORDS: dict[str, Record] = {
    **{name: text(content) for name, content in ODD_TEXTS.items()},
    "no fields": Record(Kind.TEXT, {}),
    "instruction without fields": Record(Kind.INSTRUCTION, {}),
    "completion without fields": Record(Kind.COMPLETION, {}),
    "preference with one side": Record(Kind.PREFERENCE, {"prompt": "Why?", "chosen": "Because."}),
    "chat without turns": chat(),
    "chat without the field": Record(Kind.CHAT, {}),
    "turn without fields": Record(Kind.CHAT, {"messages": [{}]}),
    "chat": chat(("user", "Hi"), ("assistant", "Hello!")),
    "code by domain": Record(Kind.TEXT, {"text": "SELECT 1;"}, domain="code"),
    "broken completion": Record(Kind.COMPLETION, {"signature": "def f(x):", "solution": "x ="}),
}
