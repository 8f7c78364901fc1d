"""IP addresses that lead to somebody's machine: those that the internet routes."""

import ipaddress
import re
from collections.abc import Iterator

from app.curation.pii.kinds import IPV4, IPV6, Hit

# The shape of an address in any notation; what has it is no phone number, valid or not.
IPV4_SHAPE = re.compile(r"(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)")
# Versions and sections are numbered in the same way.
_NUMBERED = re.compile(
    r"(?:version|release|section|paragraph|rfc|\bv|[~<>=!]=)[ .#]{0,2}$", re.IGNORECASE
)
_BEFORE = 12
_FEWEST_GROUPS = 3  # slices of a list such as [1::] have one
_IPV6_SHAPE = re.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")


def ipv4(text: str, start: int, end: int) -> Iterator[Hit]:
    """Global IPv4 addresses."""
    for found in IPV4_SHAPE.finditer(text, start, end):
        before = text[max(found.start() - _BEFORE, start) : found.start()]
        if _is_global(found[0]) and not _NUMBERED.search(before):
            yield Hit(IPV4, "IPv4", *found.span())


def ipv6(text: str, start: int, end: int) -> Iterator[Hit]:
    """Global IPv6 addresses."""
    for found in _IPV6_SHAPE.finditer(text, start, end):
        groups = sum(map(bool, found[0].split(":")))
        if groups >= _FEWEST_GROUPS and _is_global(found[0]):
            yield Hit(IPV6, "IPv6", *found.span())


def _is_global(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return parsed.is_global and not parsed.is_multicast
