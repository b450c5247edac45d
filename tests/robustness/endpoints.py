"""Fuzzer of calls to the app: bodies from its own description of the endpoints, sent over HTTP to an app in this process.

Named endpoints are called as programs do, the page's private events as a page does, both with values that nobody expects.
"""

import json
import os
import random as randomness
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import torch
from PIL import Image
from skimage import data

from colorizer import checkpoints, create_model, save_checkpoint
from tests.clips import make_clip, pan
from tests.robustness.values import SECRET, strange, to_json
from tests.robustness.verdicts import Fault, Refused

SECONDS = 40.0  # by the clock, until an answer
MODELS = ("small", "bins")
WORDS = (*MODELS, "default", "temperature=0.5", "scene=church", "rembrandt", "__class__")


@dataclass(frozen=True)
class Prepared:
    """A client of the running app; its named endpoints' defaults and its private events' numbers of inputs; and its log."""

    client: httpx.Client
    named: dict[str, list[Any]]
    private: dict[int, int]
    files: tuple[dict[str, Any], ...]
    log: Path
    folder: Path


def prepare(folder: Path) -> Prepared:
    """Start the app with two tiny checkpoints, and upload a photo and a clip."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    save_checkpoint(create_model("dense", width=1 / 64, resolution=8), folder / "models" / "small")
    save_checkpoint(create_model("colorful", width=1 / 16, resolution=32), folder / "models" / "bins")
    checkpoints.FOLDER = folder / "models"
    from colorizer.demo import build_demo, launch_options

    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    demo = build_demo([], votes=folder / "votes.sqlite3")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    demo.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True, **launch_options())
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}/gradio_api", timeout=SECONDS, trust_env=False)
    info = client.get("/info").json()["named_endpoints"]
    named = {name: [item.get("parameter_default") for item in info[name]["parameters"]] for name in sorted(info)}
    config = httpx.get(f"http://127.0.0.1:{port}/config", timeout=SECONDS, trust_env=False).json()
    # Events without a function run in the page.
    private = {item["id"]: len(item["inputs"]) for item in config["dependencies"] if item.get("backend_fn")}
    photo = Image.fromarray(data.coffee()[100:330, 100:400]).resize((30, 23))
    photo.save(folder / "photo.png")
    make_clip(folder / "film.mp4", pan(4, (32, 24)))
    files = tuple(_upload(client, folder / name) for name in ("photo.png", "film.mp4"))
    prepared = Prepared(client, named, private, files, folder / "output", folder)
    for name in named:
        _call_named(prepared, name, [files[name == "/video"], *named[name][1:]])
    return prepared


def _upload(client: httpx.Client, path: Path) -> dict[str, Any]:
    (uploaded,) = client.post("/upload", files={"files": (path.name, path.read_bytes())}).json()
    return {"path": uploaded, "meta": {"_type": "gradio.FileData"}}


def attempt(prepared: Prepared, random: Random) -> None:
    """Call an endpoint or an event, and look at the answer and the log."""
    randomness.seed(random.random())  # of the app
    start = prepared.log.stat().st_size
    try:
        if random.random() < 0.65:
            name = random.choice(sorted(prepared.named))
            defaults = prepared.named[name]
            given = _change(prepared, random, [prepared.files[name == "/video"], *defaults[1:]])
            _call_named(prepared, name, given)
        else:
            number = random.choice(sorted(prepared.private))
            given = [_value(prepared, random) for _ in range(prepared.private[number])]
            _call_private(prepared, random, number, given)
    except Refused as refusal:
        if str(prepared.folder) in str(refusal) and str(prepared.folder) not in str(given):
            raise Fault(f"a path of the server in the message: {str(refusal)[:500]}") from refusal
        raise
    finally:
        with prepared.log.open("rb") as file:
            file.seek(start)
            log = file.read().decode(errors="replace")
        if "Traceback" in log:
            raise Fault(f"a traceback in the log: {log[-3000:]}")


def _change(prepared: Prepared, random: Random, given: list[Any]) -> Any:
    if random.random() < 0.05:
        return strange(random, WORDS)
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        how = random.choice(("value",) * 8 + ("delete", "append"))
        place = random.randrange(len(given)) if given else 0
        if how == "value" and given:
            given[place] = _value(prepared, random)
        elif how == "delete" and given:
            given.pop(place)
        else:
            given.append(_value(prepared, random))
    return given


def _value(prepared: Prepared, random: Random) -> Any:
    kind = random.randrange(5)
    if kind == 0:
        return random.choice((*prepared.files, *WORDS, list(MODELS), list(MODELS) * 20_000, ["small"] * 3, 1, 64, 1.0))
    if kind == 1:
        path = random.choice(
            ("/etc/passwd", str(prepared.folder / "photo.png"), "../photo.png", "", None, 7, "\0", "x" * 5000)
        )
        extras = random.choice(
            ({}, {"meta": {"_type": "gradio.FileData"}}, {"url": f"http://ada:{SECRET}@127.0.0.1:9/x"})
        )
        file = {"path": path} | extras
        return random.choice((file, [file], {"background": file, "layers": [], "composite": None}, {"video": file}))
    return strange(random, WORDS)


def _call_named(prepared: Prepared, name: str, given: Any) -> None:
    content = to_json({"data": given})
    answer = prepared.client.post(f"/call{name}", content=content, headers={"content-type": "application/json"})
    event = _accepted(prepared, answer).get("event_id")
    with prepared.client.stream("GET", f"/call{name}/{event}") as stream:
        _accepted(prepared, stream, is_stream=True)
        kind = ""
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: ") and kind == "error":
                _refuse(prepared, json.loads(line.removeprefix("data: ")))
            elif line.startswith("data: ") and kind == "complete":
                return
    raise Fault("the answer has no end")


def _call_private(prepared: Prepared, random: Random, number: int, given: Any) -> None:
    session = uuid.UUID(int=random.getrandbits(128)).hex
    body = {"data": given, "fn_index": number, "session_hash": session, "trigger_id": None}
    headers = {"content-type": "application/json"}
    _accepted(prepared, prepared.client.post("/queue/join", content=to_json(body), headers=headers))
    with prepared.client.stream("GET", "/queue/data", params={"session_hash": session}) as stream:
        _accepted(prepared, stream, is_stream=True)
        for line in stream.iter_lines():
            message = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
            if message.get("msg") == "process_completed":
                if not message["success"]:
                    _refuse(prepared, message["output"])
                return
            if message.get("msg") == "unexpected_error":
                _refuse(prepared, message.get("message"))
    raise Fault("the answer has no end")


def _accepted(prepared: Prepared, answer: httpx.Response, *, is_stream: bool = False) -> dict[str, Any]:
    """Return the answer's content; raise Refused for a request that is no call, and Fault for an error of the server."""
    if answer.status_code >= 500:
        raise Fault(f"HTTP {answer.status_code}")
    if answer.status_code >= 400:
        # Gradio's own words for a body of another form.
        raise Refused(f"HTTP {answer.status_code}.")
    return {} if is_stream else answer.json()


def _refuse(prepared: Prepared, error: Any) -> None:
    text = error.get("error") if isinstance(error, dict) else error
    if not isinstance(text, str) or not text:
        raise Fault(f"an error without a message: {error}")
    raise Refused(text)
