"""Photos that callers of the endpoints name by address: fetched from public addresses alone, within bounds."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import safehttpx
from gradio import processing_utils
from gradio_client import utils

from colorizer.atomic_write import write_file
from colorizer.errors import ColorizerError, quote
from colorizer.server.disk_space import SPACE

MAX_BYTES = 40 * 2**20
SECONDS = 30.0
"""Seconds for a file to arrive, redirects included."""


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


def check_addresses(values: Any, most: int) -> None:
    """Raise ColorizerError if a call has more than `most` files given by address, each of which Gradio would fetch first."""
    waiting, count = [values], 0
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            count += utils.is_file_obj_with_meta(value) and utils.is_http_url_like(value["path"])
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    if count > most:
        raise ColorizerError("Too many files are given by addresses: upload them first.")


async def download(url: str, cache_dir: str) -> str:
    """Fetch a file into a folder of its own in `cache_dir`, and return its path.

    Gradio's own keeps a file under its address: a later caller gets what was there an hour before, or the part that has been
    written so far.

    Raises:
        ColorizerError: there is no space for it, or it takes too long.
    """
    await asyncio.to_thread(SPACE.check, Path(cache_dir), MAX_BYTES)
    try:
        async with asyncio.timeout(SECONDS):
            content = (await processing_utils.async_ssrf_protected_get(url)).content
    except TimeoutError as error:
        raise ColorizerError(f"{quote(url)} takes longer than the {SECONDS:g} seconds allowed.") from error
    name = utils.strip_invalid_filename_characters(Path(urlsplit(url).path).name).strip(".") or "file"
    return await asyncio.to_thread(_store, content, Path(cache_dir), name)


def _store(content: bytes, cache: Path, name: str) -> str:
    # As Gradio stores uploads, with its secret, so that a folder's name tells nobody what is in it.
    folder = cache / hashlib.sha256(processing_utils.hash_seed + content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    with write_file(folder / name, flush=False) as stream:
        stream.write(content)
    return str(folder / name)


def bound_addresses() -> None:
    """Let Gradio fetch addresses by `download` and `BoundedTransport`."""
    processing_utils.async_transport = BoundedTransport()
    processing_utils.async_ssrf_protected_download = download
