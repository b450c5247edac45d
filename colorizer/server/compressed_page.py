"""Compression of the app's page, half a megabyte of text that Gradio sends as it is: packed, it has a ninth."""

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


class CompressedPage:
    """Middleware that compresses the page for browsers that accept it, and passes on everything else as it is.

    Photos are compressed already, and streams of events must not wait.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app, self.compressed = app, GZipMiddleware(app)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"].removeprefix(scope.get("root_path", "")) in ("", "/")
        await (self.compressed if is_page else self.app)(scope, receive, send)
