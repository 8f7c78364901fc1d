"""Wallet addresses of Bitcoin and Ethereum, by their checksums."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import reduce

from app.curation.pii.keccak import keccak_256
from app.curation.pii.kinds import CRYPTO, Hit

_SHAPE = re.compile(
    r"(?<![A-Za-z0-9])(?:([13][1-9A-HJ-NP-Za-km-z]{25,34})"
    r"|(bc1[02-9ac-hj-np-z]{11,71}|BC1[02-9AC-HJ-NP-Z]{11,71})|(0x[0-9A-Fa-f]{40}))(?![A-Za-z0-9])"
)
_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
# Constants of segregated witness: version 0 (BIP 173), version 1 and above (BIP 350).
_CHECKS = (1, 0x2BC830A3)
_ADDRESS_BYTES = 25


def wallets(text: str, start: int, end: int) -> Iterator[Hit]:
    """Addresses with a valid checksum; those of Ethereum in one case have none and count."""
    for found in _SHAPE.finditer(text, start, end):
        base58, bech32, _ = found.groups()
        if base58:
            is_valid = _has_valid_base58(base58)
        elif bech32:
            is_valid = _has_valid_bech32(bech32.lower())
        else:
            is_valid = _has_valid_case(found[0][2:])
        if is_valid:
            yield Hit(CRYPTO, "wallet", *found.span())


def _has_valid_base58(address: str) -> bool:
    """Whether the last four bytes are the start of a double SHA-256 of the others."""
    number = reduce(lambda sum_, char: sum_ * 58 + _BASE58.index(char), address, 0)
    if number.bit_length() > 8 * _ADDRESS_BYTES:
        return False
    raw = number.to_bytes(_ADDRESS_BYTES, "big")
    digest = hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()
    return digest[:4] == raw[-4:]


def _has_valid_bech32(address: str) -> bool:
    """Whether the last six characters check the others."""
    data = [_BECH32.index(char) for char in address[3:]]
    prefix = [3, 3, 0, 2, 3]  # "bc" spread out: high bits, zero, low bits
    return _polymod([*prefix, *data]) in _CHECKS


def _polymod(values: Sequence[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATORS):
            check ^= generator if top >> bit & 1 else 0
    return check


def _has_valid_case(address: str) -> bool:
    """Whether capitals stand where the hash of the address says (EIP-55); one case has none."""
    if address in {address.lower(), address.upper()}:
        return len(set(address)) > 2  # 0x000..., 0xfff... are examples
    digest = keccak_256(address.lower().encode()).hex()
    return all(
        char.isdigit() or char.isupper() == (int(nibble, 16) >= 8)
        for char, nibble in zip(address, digest, strict=False)
    )
