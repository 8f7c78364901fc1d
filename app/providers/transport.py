"""HTTP to model endpoints: where requests may go, and how much may come back.

An address is checked where it is connected to, so a name that resolves differently the second
time does not get past; redirects are not followed.
"""

import ipaddress
import socket
from collections.abc import AsyncIterator, Iterable
from typing import Any

import anyio
import httpcore2
import httpx2

MOST_BYTES = 256 * 1024
# AWS over IPv6, Alibaba Cloud, Oracle Cloud; the common 169.254.169.254 is link-local anyway.
_METADATA = {
    ipaddress.ip_address(one) for one in ("fd00:ec2::254", "100.100.100.200", "192.0.0.192")
}


class RefusedAddressError(httpcore2.ConnectError):
    """The endpoint's address is one that requests never go to."""


class TooLongError(httpx2.ReadError):
    """The reply is longer than any reply to a question can be."""


def refusal(host: str, address: str) -> str | None:
    """Why nothing is sent to this address, if so."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip in _METADATA or ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        named = f"{host} is" if host == address else f"{host} is {address},"
        return (
            f"{named} an address of link-local services and cloud metadata. "
            "Requests never go there: give the address of the endpoint itself."
        )
    return None


async def checked(host: str, port: int) -> str:
    """The address of a host to connect to; refuses those above."""
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise httpcore2.ConnectError(f"the name {host} is not known ({error.strerror})") from error
    addresses = [str(one[4][0]) for one in found]
    for address in addresses:
        if (reason := refusal(host, address)) is not None:
            raise RefusedAddressError(reason)
    return addresses[0]


class _Guarded(httpcore2.AsyncNetworkBackend):
    """Connects to the address that was checked, not to what the name means a moment later."""

    def __init__(self) -> None:
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        address = await checked(host, port)
        return await self._backend.connect_tcp(
            address, port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


class _Bounded(httpx2.AsyncByteStream):
    """A reply's bytes, up to a limit."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for part in self._stream:
            seen += len(part)
            if seen > MOST_BYTES:
                raise TooLongError(f"the reply is longer than {MOST_BYTES // 1024} KiB")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class Transport(httpx2.AsyncHTTPTransport):
    """Requests to checked addresses, replies of bounded length."""

    def __init__(self, connections: int) -> None:
        super().__init__(trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=httpx2.create_ssl_context(trust_env=False),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=60.0,
            network_backend=_Guarded(),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await super().handle_async_request(request)
        if isinstance(response.stream, httpx2.AsyncByteStream):  # the async transport's always is
            response.stream = _Bounded(response.stream)
        return response
