"""Keccak-256 as Ethereum uses it: the standard's SHA3-256 pads in another way."""

from collections.abc import Iterator

_LANES = 25
_RATE = 136  # bytes of a block
_BITS = 0xFFFFFFFFFFFFFFFF
_ROUNDS = 24


def keccak_256(message: bytes) -> bytes:
    """32 bytes of digest (Bertoni et al., The Keccak reference 3.0)."""
    filler = _RATE - len(message) % _RATE
    padded = bytearray(message + bytes(filler))
    padded[len(message)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [0] * _LANES
    for start in range(0, len(padded), _RATE):
        for lane in range(_RATE // 8):
            at = start + 8 * lane
            lanes[lane] ^= int.from_bytes(padded[at : at + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(lanes: list[int]) -> list[int]:
    for constant in _round_constants():
        column = [
            lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20]
            for x in range(5)
        ]
        mixed = [column[(x - 1) % 5] ^ _turned(column[(x + 1) % 5], 1) for x in range(5)]
        lanes = [lane ^ mixed[place % 5] for place, lane in enumerate(lanes)]
        lanes = _moved(lanes)
        lanes = [
            lanes[row + x] ^ (~lanes[row + (x + 1) % 5] & lanes[row + (x + 2) % 5])
            for row in range(0, _LANES, 5)
            for x in range(5)
        ]
        lanes[0] ^= constant
    return lanes


def _moved(lanes: list[int]) -> list[int]:
    """Each lane turned by its offset and set to its new place (rho and pi)."""
    moved = list(lanes)
    x, y = 1, 0
    current = lanes[1]
    for step in range(_LANES - 1):
        x, y = y, (2 * x + 3 * y) % 5
        place = x + 5 * y
        current, moved[place] = lanes[place], _turned(current, (step + 1) * (step + 2) // 2 % 64)
    return moved


def _turned(lane: int, by: int) -> int:
    return (lane << by | lane >> (64 - by)) & _BITS if by else lane


def _round_constants() -> Iterator[int]:
    """From a linear feedback shift register of eight bits."""
    register = 1
    for _ in range(_ROUNDS):
        constant = 0
        for bit in range(7):
            if register & 1:
                constant |= 1 << ((1 << bit) - 1)
            register = register << 1 ^ (0x171 if register & 0x80 else 0)
        yield constant
