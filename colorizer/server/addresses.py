"""Photos that callers of the endpoints name by address: fetched from public addresses alone, within bounds."""

import asyncio

import httpx
import safehttpx
from gradio import processing_utils

from colorizer.errors import ColorizerError, quote

MAX_BYTES = 40 * 2**20
SECONDS = 30.0


class BoundedTransport(httpx.AsyncBaseTransport):
    """Way to a public address, for Gradio, whose own takes files of any size, for any time, into memory."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the whole answer.

        Raises:
            ValueError: the address is not public.
            ColorizerError: there is no file, or it is too large or comes too slowly.
        """
        name, host = quote(str(request.url)), request.url.host
        # Without compression, by which a small answer becomes a large file.
        request.headers["accept-encoding"] = "identity"
        try:
            async with asyncio.timeout(SECONDS), await _transport(host) as transport:
                answer = await transport.handle_async_request(request)
                if answer.has_redirect_location:
                    return httpx.Response(answer.status_code, headers=answer.headers)
                if answer.status_code != 200 or "content-encoding" in answer.headers:
                    raise ColorizerError(f"There is no file at {name}: it answers with status {answer.status_code}.")
                content = bytearray()
                async for part in answer.aiter_raw():
                    content += part
                    if len(content) > MAX_BYTES:
                        raise ColorizerError(f"{name} has more than the {MAX_BYTES // 2**20} MiB allowed.")
        except TimeoutError as error:
            raise ColorizerError(f"{name} takes longer than the {SECONDS:g} seconds allowed.") from error
        except (httpx.HTTPError, OSError) as error:
            raise ColorizerError(f"{name} can't be fetched.") from error
        return httpx.Response(200, content=bytes(content))


async def _transport(host: str) -> httpx.AsyncHTTPTransport:
    # On a Space, the Hub has addresses that are not public.
    if safehttpx.matches_domain_whitelist(host, processing_utils.PUBLIC_HOSTNAME_WHITELIST):
        return httpx.AsyncHTTPTransport()
    return safehttpx.AsyncSecureTransport(await safehttpx.async_validate_url(host))


def bound_addresses() -> None:
    """Let Gradio fetch addresses by `BoundedTransport`."""
    processing_utils.async_transport = BoundedTransport()
