"""The bytes of a file: unpacked by content, in UTF-8, with limits on what a file may unpack to."""

import codecs
import io
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

import zstandard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_CHUNK = 2**18
# Without a mark, it is UTF-16 when of so many bytes every second one is NUL, the others ASCII.
_TELLING = 16
_ASCII = bytes(range(1, 128))
_LONE = "winnow.lone"
# Four bytes of zstd can stand for 128 KiB, so that a packed KiB never unpacks to more than 32 MiB.
_PACKED = 2**10


class BrokenStreamError(ValueError):
    """The bytes cannot be read on from here; the message is a sentence for people."""


class _TrailingError(ValueError):
    """The content is whole, and something else follows it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a packed file may unpack to: in all, and per packed byte once it is large."""

    unpacked_bytes: int = 256 * 2**30
    ratio: int = 200
    ratio_from: int = 2**26


class Stream(io.RawIOBase):
    """The content of a file as UTF-8 without a byte order mark, whatever it is packed in.

    `size` is how much of it came so far. `trailing` says at its end what else the file holds.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        super().__init__()
        self._chunks = _as_utf8(_unpacked(file, limits))
        self._rest = memoryview(b"")
        self.size = 0
        self.trailing = ""
        self._broken: BrokenStreamError | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        while not self._rest:
            chunk = self._next()
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
            self.size += len(chunk)
        target = memoryview(buffer)
        size = min(len(target), len(self._rest))
        target[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _next(self) -> bytes | None:
        """The next chunk, None at the end; what is broken stays so."""
        if self._broken is not None:
            raise self._broken
        try:
            return next(self._chunks, None)
        except _TrailingError as trailing:
            self.trailing = str(trailing)
            return None
        except BrokenStreamError as broken:
            self._broken = broken
            raise


class _Unpacker(Protocol):
    """What zlib and zstandard have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, packed: bytes, /) -> bytes: ...


class _Padding:
    """Stands for zeros behind the last member: they unpack to nothing."""

    eof = True
    unused_data = b""

    def decompress(self, _packed: bytes, /) -> bytes:
        return b""


def _unpacked(file: BinaryIO, limits: Limits) -> Iterator[bytes]:
    head = file.read(_CHUNK)
    if not head.startswith((_GZIP, _ZSTD)):
        while head:
            yield head
            head = file.read(_CHUNK)
        return
    packed = unpacked = 0
    for chunk, size in _members(file, head):
        packed, unpacked = packed + size, unpacked + len(chunk)
        _refuse_bomb(packed, unpacked, limits)
        yield chunk


def _members(file: BinaryIO, head: bytes) -> Iterator[tuple[bytes, int]]:
    """Unpacked chunks of all gzip members or zstd frames, each with its packed size."""
    unpacker, name = _unpacker(head), "gzip" if head.startswith(_GZIP) else "zstd"
    between = b""
    for piece in _pieces(file, head):
        data = between + piece
        between = b""
        while data:
            if unpacker.eof:
                if len(data) < len(_ZSTD):
                    between = data
                    break
                unpacker = _next_unpacker(data, name)
            chunk = _unpack(unpacker, data, name)
            rest = unpacker.unused_data if unpacker.eof else b""
            yield chunk, len(data) - len(rest)
            data = rest
    if not unpacker.eof:
        raise BrokenStreamError(
            f"The {name} file ends too early; what stands before was read. Copy it again."
        )


def _unpack(unpacker: _Unpacker, data: bytes, name: str) -> bytes:
    try:
        return unpacker.decompress(data)
    except (zlib.error, zstandard.ZstdError):
        raise BrokenStreamError(
            f"The {name} file is damaged here; what stands before was read. Pack it again."
        ) from None


def _next_unpacker(data: bytes, name: str) -> _Unpacker:
    """For the next member; zeros are padding, which some tools write."""
    if not data.startswith((_GZIP, _ZSTD)) and data.strip(b"\0"):
        raise _TrailingError(
            f"Something else follows the end of the {name} file; what stands before was read."
        )
    return _unpacker(data)


def _pieces(file: BinaryIO, head: bytes) -> Iterator[bytes]:
    while head:
        for start in range(0, len(head), _PACKED):
            yield head[start : start + _PACKED]
        head = file.read(_CHUNK)


def _unpacker(head: bytes) -> _Unpacker:
    if head.startswith(_GZIP):
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    if head.startswith(_ZSTD):
        unpacker: _Unpacker = zstandard.ZstdDecompressor().decompressobj()
        return unpacker
    return _Padding()


def _refuse_bomb(packed: int, unpacked: int, limits: Limits) -> None:
    if unpacked > limits.unpacked_bytes:
        raise BrokenStreamError(
            f"The file unpacks to more than {limits.unpacked_bytes:,} bytes; cut it in parts."
        )
    if unpacked > limits.ratio_from and unpacked > packed * limits.ratio:
        raise BrokenStreamError(
            f"The file unpacks to more than {limits.ratio} times its size, as no text does; "
            "unpack it and look at it first."
        )


def _as_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The same content in UTF-8; the byte order mark says what it was in, and is left out."""
    head, end = b"", None
    try:
        for chunk in chunks:
            head += chunk
            if len(head) >= _TELLING:
                break
    except (BrokenStreamError, _TrailingError) as error:
        end = error
    mark, encoding = _encoding(head)
    head = head[len(mark) :]
    if encoding == "utf-8":
        yield head
        yield from chunks
    else:
        yield from _decoded(chain([head], chunks), encoding)
    if end is not None:
        raise end


def _decoded(chunks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(_LONE)
    for chunk in chunks:
        yield decoder.decode(chunk).encode(errors="surrogatepass")
    yield decoder.decode(b"", final=True).encode(errors="surrogatepass")


def _encoding(head: bytes) -> tuple[bytes, str]:
    """The byte order mark and what it stands for; without one, NULs tell UTF-16 from UTF-8."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return mark, name
    even, odd = head[:_TELLING:2], head[1:_TELLING:2]
    if odd and not even.strip(_ASCII) and not odd.strip(b"\0"):
        return b"", "utf-16-le"
    if odd and not even.strip(b"\0") and not odd.strip(_ASCII):
        return b"", "utf-16-be"
    return b"", "utf-8"


def _lone(error: UnicodeError) -> tuple[str, int]:
    """Half a surrogate pair for what is no character, which readers replace and count."""
    return "\udfff", cast("UnicodeDecodeError", error).end


codecs.register_error(_LONE, _lone)
