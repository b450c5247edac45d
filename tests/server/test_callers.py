"""Addresses of callers, directly and behind proxies."""

import pytest

from colorizer.server.callers import client_address


@pytest.mark.parametrize(
    ("host", "forwarded", "address"),
    [
        ("8.8.8.8", None, "8.8.8.8"),
        ("8.8.8.8", "1.1.1.1", "8.8.8.8"),  # who comes directly can write anything there
        ("10.16.3.80", "1.1.1.1", "1.1.1.1"),
        ("10.16.3.80", "9.9.9.9, 1.1.1.1, 10.20.1.2", "1.1.1.1"),  # the first is whatever the visitor wrote
        ("10.16.3.80", "nonsense", "10.16.3.80"),
        ("127.0.0.1", None, "127.0.0.1"),
        (None, None, ""),
    ],
)
def test_address_of_the_visitor(host: str | None, forwarded: str | None, address: str) -> None:
    assert client_address(host, forwarded) == address
