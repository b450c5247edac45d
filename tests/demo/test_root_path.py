"""The app behind a proxy that serves it below a prefix, as on a Space."""

import re
import socket
import threading
from collections.abc import Iterator

import httpx
import pytest
import uvicorn
from playwright.sync_api import Browser, expect
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from benchmarks.app import running_app, wait_for

PREFIX = "/colors"


@pytest.fixture
def proxied() -> Iterator[str]:
    """Address of the app below the prefix."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{PREFIX}"
        with running_app(GRADIO_ROOT_PATH=url) as (app, client):
            upstream = httpx.AsyncClient(base_url=str(client.base_url.join("/")), trust_env=False, timeout=None)

            async def forward(request: Request) -> Response:
                if not request.url.path.startswith(PREFIX):
                    return Response(status_code=404)
                path = request.url.path.removeprefix(PREFIX) or "/"
                target = httpx.URL(path=path, query=request.url.query.encode())
                body = await request.body()
                sent = upstream.build_request(request.method, target, headers=request.headers.raw, content=body)
                answer = await upstream.send(sent, stream=True)
                return StreamingResponse(answer.aiter_raw(), answer.status_code, headers=dict(answer.headers))

            proxy = Starlette(routes=[Route("/{path:path}", forward, methods=["GET", "POST", "HEAD"])])
            server = uvicorn.Server(uvicorn.Config(proxy, log_level="error"))
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
            thread.start()
            wait_for(app, client)
            yield url
            server.should_exit = server.force_exit = True
            thread.join(10)


def test_everything_comes_from_below_the_prefix(browser: Browser, proxied: str) -> None:
    page = browser.new_page()
    missing: list[str] = []
    page.on("response", lambda answer: missing.append(answer.url) if answer.status >= 400 else None)
    page.goto(f"{proxied}/")
    page.locator("#examples button").last.click(timeout=60_000)
    ready = re.compile(r"^cliff\.webp: .* colorings are ready")
    expect(page.locator(".viewer .status")).to_have_text(ready, timeout=60_000)
    for picture in page.locator(".frame img, #examples img").all():
        page.wait_for_function("image => image.naturalWidth > 100", arg=picture.element_handle())
        assert picture.get_attribute("src").startswith(proxied)
    with page.expect_download() as download:
        page.locator("[data-do=save]").click()
    assert download.value.suggested_filename == "cliff-default.jpg"
    assert not [url for url in missing if not url.endswith("/favicon.ico")]
    page.close()
