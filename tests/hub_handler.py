"""Request handler of the test Hub, with one method per endpoint that `huggingface_hub` uses for models and datasets.

A commit is a real revision: an immutable set of files with its own sha. Branches, shas, byte ranges of files and unchanged
pushes therefore behave as on the Hub.
"""

import base64
import contextlib
import hashlib
import json
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import yaml

if TYPE_CHECKING:
    from tests.hub_server import HubServer

LFS_SUFFIXES = (".safetensors", ".bin", ".png")


@dataclass
class Repository:
    is_private: bool
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)  # sha -> path -> content
    branches: dict[str, str] = field(default_factory=dict)  # name -> sha
    messages: list[str] = field(default_factory=list)

    def commit(self, files: dict[str, bytes], message: str, branch: str = "main") -> str:
        content = repr((sorted(files.items()), message, self.branches.get(branch), len(self.commits)))
        sha = hashlib.sha1(content.encode()).hexdigest()
        self.commits[sha], self.branches[branch] = files, sha
        self.messages.append(message)
        return sha

    def resolve(self, revision: str) -> str | None:
        return self.branches.get(revision, revision if revision in self.commits else None)


def git_id(path: str, content: bytes) -> str:
    """Return the git blob id of a file, or of its pointer if the file is in LFS."""
    if path.endswith(LFS_SUFFIXES):
        sha256 = hashlib.sha256(content).hexdigest()
        content = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {len(content)}\n".encode()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def etag(path: str, content: bytes) -> str:
    """Return the ETag of a file on the Hub: its sha256 if it is in LFS, else its git blob id."""
    return hashlib.sha256(content).hexdigest() if path.endswith(LFS_SUFFIXES) else git_id(path, content)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> "HubServer":
        return self.server.hub

    def setup(self) -> None:
        super().setup()
        self.hub.connections.add(self.connection)

    def finish(self) -> None:
        self.hub.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, status: int, body: object = None, **headers: str | int) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fault, length = self.fault, len(data)
        self.send_response(status)
        for name, value in {"Content-Length": length, **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault is not None and fault.kind == "corrupt":
            data = data[: length // 2] + bytes(byte ^ 0xFF for byte in data[length // 2 :])
        if fault is not None and fault.kind in ("break_off", "reset"):
            self.wfile.write(data[: length // 2])
            self.wfile.flush()
            if fault.kind == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            self.close_connection = True
            return
        self.wfile.write(data)

    def refuse(self, status: int, code: str = "", message: str = "") -> None:
        self.answer(status, {"error": message or code}, X_Error_Code=code, X_Error_Message=message or code)

    def handle_request(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = unquote(urlsplit(self.path).path)
        self.fault = self.hub.take_fault(self.command, path)
        if self.fault is not None and self.fault.kind == "delay" and self.hub.stopped.wait(self.fault.seconds):
            return None
        if self.fault is not None and self.fault.kind == "status":
            return self.refuse(self.fault.status, self.fault.code, f"injected {self.fault.status}")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        self.role = self.hub.tokens.get(token)
        if token and self.role is None:
            return self.refuse(401, message="Invalid credentials in Authorization header")
        # A dataset is a repository whose name begins with "datasets/", as in the URLs of its files, and a Space likewise.
        path = re.sub("^/api/(datasets|spaces)/", r"/api/models/\1/", path)
        for methods, pattern, handler in ROUTES:
            match = re.fullmatch(pattern, path)
            if match and self.command in methods.split():
                with self.hub.lock:
                    return self.route(handler, match.groupdict())
        return self.refuse(404, message="no such address on this Hub")

    def route(self, handler: Callable[..., None], values: dict[str, str]) -> None:
        needs_write = self.command in ("POST", "PUT") and handler not in (Handler.validate_yaml, Handler.put_blob)
        if needs_write and self.role != "write":
            return self.refuse(401 if self.role is None else 403, message="You need a token with write access")
        if "repo" in values:
            repository = self.hub.repositories.get(values["repo"])
            if repository is None or (repository.is_private and self.role is None):
                return self.refuse(404 if self.role else 401, "RepoNotFound", "Repository not found")
            values["repository"] = repository
            if handler in (Handler.info, Handler.tree, Handler.resolve):
                values["sha"] = repository.resolve(values.pop("revision") or "main")
                if values["sha"] is None:
                    return self.refuse(404, "RevisionNotFound", "Invalid rev id")
        return handler(self, **values)

    do_GET = do_HEAD = do_POST = do_PUT = handle_request

    # One method per endpoint

    def whoami(self) -> None:
        if self.role is None:
            return self.refuse(401, message="Invalid username or password.")
        return self.answer(200, {"name": "tester", "type": "user", "auth": {"accessToken": {"role": self.role}}})

    def validate_yaml(self) -> None:
        try:
            yaml.safe_load(json.loads(self.body)["content"].split("---")[1])
        except (yaml.YAMLError, IndexError) as error:
            return self.answer(400, {"errors": [{"message": str(error)}], "warnings": []})
        return self.answer(200, {"errors": [], "warnings": []})

    def create(self) -> None:
        asked = json.loads(self.body)
        kind = {"dataset": "datasets/", "space": "spaces/"}.get(asked.get("type"), "")
        repo_id = f"{kind}{asked.get('organization') or 'tester'}/{asked['name']}"
        if repo_id in self.hub.repositories:
            return self.answer(409, {"error": "exists", "url": f"{self.hub.url}/{repo_id}"})
        if asked.get("type") == "space" and asked.get("sdk") not in ("static", "gradio", "docker"):
            return self.answer(400, {"error": "a Space needs an sdk"})
        repository = Repository(is_private=asked.get("visibility") == "private")
        repository.commit({".gitattributes": b"*.safetensors filter=lfs\n"}, "initial commit")
        self.hub.repositories[repo_id] = repository
        return self.answer(200, {"url": f"{self.hub.url}/{repo_id}"})

    def branch(self, repo: str, repository: Repository, name: str) -> None:
        if name in repository.branches:
            return self.answer(409, {"error": "exists"})
        repository.branches[name] = repository.branches["main"]
        return self.answer(200, {})

    def preupload(self, repo: str, repository: Repository, revision: str) -> None:
        files = repository.commits.get(repository.resolve(revision), {})
        answers = []
        for file in json.loads(self.body)["files"]:
            path = file["path"]
            oid = etag(path, files[path]) if path in files else None
            mode = "lfs" if path.endswith(LFS_SUFFIXES) else "regular"
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        return self.answer(200, {"files": answers})

    def batch(self, repo: str, repository: Repository) -> None:
        objects = [
            {**item, "actions": {"upload": {"href": f"{self.hub.url}/lfs/{item['oid']}"}}}
            for item in json.loads(self.body)["objects"]
        ]
        return self.answer(200, {"objects": objects, "transfer": "basic"})

    def put_blob(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            return self.refuse(400, message="content does not have this sha256")
        self.hub.blobs[oid] = self.body
        return self.answer(200, {})

    def commit(self, repo: str, repository: Repository, revision: str) -> None:
        if revision not in repository.branches:
            return self.refuse(404, "RevisionNotFound", "Invalid rev id")
        files, message = dict(repository.commits[repository.branches[revision]]), ""
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "header":
                message = value["summary"]
            elif item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                files[value["path"]] = self.hub.blobs[value["oid"]]
            else:
                files.pop(value["path"], None)
        sha = repository.commit(files, message, revision)
        return self.answer(200, {"commitUrl": f"{self.hub.url}/{repo}/commit/{sha}", "commitOid": sha})

    def info(self, repo: str, repository: Repository, sha: str) -> None:
        siblings = []
        for path, content in repository.commits[sha].items():
            sibling = {"rfilename": path, "size": len(content), "blobId": git_id(path, content)}
            if path.endswith(LFS_SUFFIXES):
                sibling["lfs"] = {"sha256": etag(path, content), "size": len(content), "pointerSize": 134}
            siblings.append(sibling)
        return self.answer(200, {"id": repo, "sha": sha, "private": repository.is_private, "siblings": siblings})

    def tree(self, repo: str, repository: Repository, sha: str) -> None:
        entries = []
        for path, content in repository.commits[sha].items():
            entry = {"type": "file", "path": path, "size": len(content), "oid": git_id(path, content)}
            if path.endswith(LFS_SUFFIXES):
                entry["lfs"] = {"oid": etag(path, content), "size": len(content), "pointerSize": 134}
            entries.append(entry)
        return self.answer(200, entries)

    def resolve(self, repo: str, repository: Repository, sha: str, path: str) -> None:
        content = repository.commits[sha].get(path)
        if content is None:
            return self.refuse(404, "EntryNotFound", "Entry not found")
        headers = {"ETag": f'"{etag(path, content)}"', "X_Repo_Commit": sha, "Accept_Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted:
            start = int(wanted[1])
            self.hub.ranges.append(start)
            headers["Content_Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            return self.answer(206, content[start:], **headers)
        return self.answer(200, content, **headers)


REPO = r"(?P<repo>(?:(?:datasets|spaces)/)?[^/]+/[^/]+)"
ROUTES = [
    ("GET", r"/api/whoami-v2", Handler.whoami),
    ("POST", r"/api/validate-yaml", Handler.validate_yaml),
    ("POST", r"/api/repos/create", Handler.create),
    ("POST", rf"/api/models/{REPO}/branch/(?P<name>.+)", Handler.branch),
    ("POST", rf"/api/models/{REPO}/preupload/(?P<revision>.+)", Handler.preupload),
    ("POST", rf"/api/models/{REPO}/commit/(?P<revision>.+)", Handler.commit),
    ("POST", rf"/{REPO}\.git/info/lfs/objects/batch", Handler.batch),
    ("PUT", r"/lfs/(?P<oid>\w+)", Handler.put_blob),
    ("GET", rf"/api/models/{REPO}(?:/revision/(?P<revision>.+))?", Handler.info),
    ("GET", rf"/api/models/{REPO}/tree/(?P<revision>[^/]+)(?:/.*)?", Handler.tree),
    ("GET HEAD", rf"/{REPO}/resolve/(?P<revision>[^/]+)/(?P<path>.+)", Handler.resolve),
]
