"""The running app as an MCP server, called by a real client."""

import asyncio
import base64
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from PIL import Image


@pytest.fixture
def ask(app_url: str) -> Callable[[Callable[[ClientSession], Awaitable[Any]]], Any]:
    """Function that runs a request in a session with the app's server and returns its result."""

    def run(question: Callable[[ClientSession], Awaitable[Any]]) -> Any:
        async def talk() -> Any:
            async with (
                streamablehttp_client(f"{app_url}gradio_api/mcp/") as (receive, send, _),
                ClientSession(receive, send) as session,
            ):
                await session.initialize()
                return await question(session)

        return asyncio.run(talk())

    return run


def test_the_endpoints_are_its_tools_and_tell_of_each_argument(ask: Callable) -> None:
    tools = {tool.name: tool for tool in ask(lambda session: session.list_tools()).tools}
    assert sorted(tools) == ["colorize", "compare", "hint", "video"]
    for tool in tools.values():
        assert tool.description.startswith("Colorize a ")
        Draft202012Validator.check_schema(tool.inputSchema)
        for name, facts in tool.inputSchema["properties"].items():
            assert facts["description"], f"{tool.name}: {name}"
    assert list(tools["colorize"].inputSchema["properties"]) == [
        "photo",
        "model",
        "saturation",
        "resolution",
        "seed",
        "options",
    ]
    hints = Draft202012Validator(tools["hint"].inputSchema["properties"]["hints"])
    hints.validate([[0, 12.5, [255, 0, 30]]])
    for wrong in ("red", [[0, 0]], [[0, 0, [0, 0, 256]]], [[0, 0, "red"]]):
        with pytest.raises(ValidationError):
            hints.validate(wrong)


def test_it_colorizes_what_is_sent_and_opens_no_file_of_the_server(ask: Callable, color_photo: str) -> None:
    sent = "data:image/png;base64," + base64.b64encode(Path(color_photo).read_bytes()).decode()
    answer = ask(lambda session: session.call_tool("colorize", {"photo": sent, "model": "tiny-dense"}))
    assert not answer.isError, answer.content
    (picture,) = [part for part in answer.content if part.type == "image"]
    with Image.open(io.BytesIO(base64.b64decode(picture.data))) as image, Image.open(color_photo) as photo:
        assert image.format == "PNG"
        assert image.size == photo.size
    # Gradio drops the metadata from the image itself, so the file comes as well.
    assert any(part.type == "text" and "-tiny-dense.png" in part.text for part in answer.content)
    refused = ask(lambda session: session.call_tool("colorize", {"photo": color_photo, "model": "tiny-dense"}))
    assert refused.isError
    assert "Invalid file data format" in refused.content[0].text
