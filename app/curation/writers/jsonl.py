"""JSON Lines: one object per line, plain or packed."""

import zlib
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar, Literal, Protocol

import orjson
import zstandard
from pydantic import Field

from app.curation.writers.base import NOT_UNICODE, Sink, Writer
from app.curation.writers.layouts import Columns

_CHUNK = 2**20
_LEVELS = {"gzip": 6, "zstd": 3}


class JsonLinesWriter(Writer):
    """One JSON object per line (JSONL), which every trainer reads."""

    key: ClassVar = "jsonl"
    title: ClassVar = "JSON Lines"

    packing: Literal["none", "gzip", "zstd"] = Field("none", description="How files are packed.")

    @property
    def suffix(self) -> str:
        return ".jsonl" + {"none": "", "gzip": ".gz", "zstd": ".zst"}[self.packing]

    @property
    def in_parts(self) -> bool:
        return self.packing == "none" and not self.rows_per_file

    def write_rows(self, rows: Iterator[Columns], file: Sink, left_out: Counter[str]) -> int:
        count, held, packer = 0, bytearray(), self._packer()
        for row in rows:
            try:
                held += orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
            except TypeError:
                left_out[NOT_UNICODE] += 1
                continue
            count += 1
            if len(held) >= _CHUNK:
                file.write(packer.compress(bytes(held)))
                held.clear()
        file.write(packer.compress(bytes(held)))
        file.write(packer.flush())
        return count

    def _packer(self) -> "_Packer":
        match self.packing:
            case "gzip":
                return zlib.compressobj(_LEVELS["gzip"], wbits=zlib.MAX_WBITS | 16)
            case "zstd":
                packer: _Packer = zstandard.ZstdCompressor(_LEVELS["zstd"]).compressobj()
                return packer
            case _:
                return _Unpacked()


class _Packer(Protocol):
    def compress(self, chunk: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Unpacked:
    def compress(self, chunk: bytes, /) -> bytes:
        return chunk

    def flush(self) -> bytes:
        return b""
