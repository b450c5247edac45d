"""Photos on the web, and the names of photos in messages."""

import base64
import http.client
import re
import time
import urllib.error
import urllib.parse
import urllib.request

from colorizer.errors import PhotoError, quote

_TIMEOUT = 20  # seconds without a response from the server
_PATIENCE = 120  # seconds for a whole download
_MAX_NAME = 500  # characters


def is_address(source: str) -> bool:
    """Return True for an http(s) address."""
    return source.lower().startswith(("http://", "https://"))


def public_name(source: str) -> str:
    """Return the name of a path or an address for messages and files: no user, password or query, and not endlessly long."""
    name = _without_secrets(source) if is_address(source) else source
    return name if len(name) <= _MAX_NAME else f"…{name[1 - _MAX_NAME :]}"


def download(address: str, max_bytes: int) -> bytes:
    """Return the content behind an http(s) address. A user and a password in it are sent to its own server only.

    Raises:
        PhotoError: it can't be downloaded, or is larger than `max_bytes`; the message has the address's public name.
    """
    name = public_name(address)
    deadline = time.monotonic() + _PATIENCE
    content = bytearray()
    try:
        with urllib.request.urlopen(_request(address), timeout=_TIMEOUT) as response:
            while chunk := response.read1(65536):
                content += chunk
                if len(content) > max_bytes:
                    raise PhotoError(f"{name} has more than the {max_bytes / 1024**2:g} MiB allowed.")
                if time.monotonic() > deadline:
                    raise PhotoError(f"{name} took more than {_PATIENCE} seconds to download.")
            expected = response.headers.get("Content-Length", "")
    except (OSError, http.client.HTTPException, ValueError) as error:
        if isinstance(error, PhotoError):
            raise
        raise PhotoError(f"{name} could not be downloaded: {_reason(error)}.") from error
    if re.fullmatch("[0-9]{1,18}", expected) and len(content) < int(expected):
        raise PhotoError(f"{name}: the download stopped after {len(content)} of {expected} bytes.")
    if not content:
        raise PhotoError(f"{name} is empty.")
    return bytes(content)


def _without_secrets(address: str) -> str:
    try:
        parts = urllib.parse.urlsplit(address)
        host = parts.netloc.rpartition("@")[2]
        if parts.port is None and ":" in host.rpartition("]")[2].rstrip(":"):
            raise ValueError
    except ValueError:  # no place in it is sure to be no part of a password
        return "The address"
    return urllib.parse.urlunsplit((parts.scheme, host, parts.path, "", ""))


def _request(address: str) -> urllib.request.Request:
    parts = urllib.parse.urlsplit(address)
    user, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(
        urllib.parse.urlunsplit(parts._replace(netloc=host, fragment="")), headers={"User-Agent": "colorizer"}
    )
    if user:
        secret = base64.b64encode(urllib.parse.unquote(user).encode()).decode()
        # Not sent again where the server redirects to.
        request.add_unredirected_header("Authorization", f"Basic {secret}")
    return request


def _reason(error: Exception) -> str:
    """Return what went wrong, without the address and without the server's own words, which may repeat it."""
    if isinstance(error, urllib.error.HTTPError):
        return f"the server answered {error.code}"
    if isinstance(error, urllib.error.URLError):
        return quote(error.reason if isinstance(error.reason, Exception) else error)
    if isinstance(error, ValueError | http.client.InvalidURL):
        return "it is not a valid address"
    return quote(error)
