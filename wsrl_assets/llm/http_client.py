"""What the openai client sends its requests with: an aiohttp session, and nothing around it.

openai takes any `httpx2.AsyncClient`. The one that it offers on aiohttp goes through httpx2's own
redirects, authentication, merging of headers and byte streams for each request, which costs more
than the request. This one leaves redirects and cookies to aiohttp and has no use for the rest:
openai has merged the headers, and a reply is read whole.
"""

import base64
import urllib.request
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

import aiohttp
import httpx2

_NO_LIMIT = 0  # of connections: the gate bounds them. None would stand for aiohttp's own 100.
# vLLM's uvicorn drops a connection that has been idle for 5 s. Dropped by us before that, it is
# never picked for a request at the very moment in which the server closes it.
_KEEPALIVE_S = 3.0
# httpx2 decodes these without further packages.
_HEADERS = {"Accept-Encoding": "gzip, deflate"}
_SENT = "sent"
_NOTHING = httpx2.ByteStream(b"")


class HttpClient(httpx2.AsyncClient):
    """Sends whole requests for whole replies. Make it in an event loop, and close it there."""

    def __init__(self) -> None:
        super().__init__(transport=httpx2.AsyncBaseTransport(), trust_env=False)
        connector = aiohttp.TCPConnector(
            limit=_NO_LIMIT, keepalive_timeout=_KEEPALIVE_S, ssl=httpx2.create_ssl_context()
        )
        self._session = aiohttp.ClientSession(
            connector=connector, headers=_HEADERS, auto_decompress=False
        )

    def build_request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        *,
        headers: list[tuple[str, str]],
        timeout: httpx2.Timeout | float | None,
        content: bytes | None = None,
        **_: Any,
    ) -> httpx2.Request:
        """A request with just the headers that openai gives it."""
        wait = timeout if isinstance(timeout, httpx2.Timeout) else httpx2.Timeout(timeout)
        address = _address(url)
        sent = _Sent(
            address,
            {**dict(headers), **address.headers},
            content,
            aiohttp.ClientTimeout(sock_connect=wait.connect, sock_read=wait.read),
        )
        return httpx2.Request(
            method, sent.address.url, headers=headers, content=content, extensions={_SENT: sent}
        )

    async def send(self, request: httpx2.Request, **_: Any) -> httpx2.Response:
        """The whole response to a request of `build_request` or `like`.

        Raises:
            httpx2.TimeoutException: the server was reached, and does not answer.
            httpx2.NetworkError: it was not reached, or broke off.
        """
        sent: _Sent = request.extensions[_SENT]
        try:
            async with self._session.request(
                request.method,
                sent.address.text,
                headers=sent.headers,
                data=sent.content,
                timeout=sent.timeout,
                proxy=sent.address.proxy,
                proxy_headers=sent.address.proxy_headers,
            ) as response:
                content = await response.read()
        except aiohttp.ConnectionTimeoutError as error:
            raise httpx2.NetworkError(str(error), request=request) from error
        except TimeoutError as error:
            raise httpx2.ReadTimeout(str(error), request=request) from error
        except (aiohttp.ClientError, OSError) as error:
            raise httpx2.NetworkError(str(error), request=request) from error
        return httpx2.Response(
            response.status, headers=response.raw_headers, content=content, request=request
        )

    async def aclose(self) -> None:
        """Closes all connections."""
        await self._session.close()
        await super().aclose()


def like(first: httpx2.Request, headers: Mapping[str, str], content: bytes) -> httpx2.Request:
    """A request to the same address, with these headers more and other content.

    What is sent stands in its extensions alone: to parse it into the object a second time costs as
    much as to send it.
    """
    sent: _Sent = first.extensions[_SENT]
    sent = sent._replace(headers={**sent.headers, **headers}, content=content)
    return httpx2.Request(first.method, first.url, stream=_NOTHING, extensions={_SENT: sent})


class _Address(NamedTuple):
    """Where a request goes, parsed once."""

    text: str
    url: httpx2.URL
    proxy: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})
    proxy_headers: Mapping[str, str] | None = None


class _Sent(NamedTuple):
    """What of a request goes out."""

    address: _Address
    headers: dict[str, str]
    content: bytes | None
    timeout: aiohttp.ClientTimeout


@lru_cache(maxsize=256)
def _address(text: str) -> _Address:
    """The address of a URL, with the proxy that the environment names for it."""
    url = httpx2.URL(text)
    proxies = urllib.request.getproxies()
    found = proxies.get(url.scheme) or proxies.get("all")
    if not found or urllib.request.proxy_bypass(url.host):
        return _Address(text, url)
    proxy = httpx2.Proxy(found if "://" in found else f"http://{found}")
    login = {}
    if proxy.raw_auth is not None:
        encoded = base64.b64encode(b":".join(proxy.raw_auth)).decode()
        login["Proxy-Authorization"] = f"Basic {encoded}"
    # A proxy sees the request itself, unless it is encrypted: then it sees a CONNECT before it.
    if url.scheme == "http":
        return _Address(text, url, str(proxy.url), headers=login)
    return _Address(text, url, str(proxy.url), proxy_headers=login)
