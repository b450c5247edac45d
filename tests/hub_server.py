"""A small Hub on the loopback interface for the real `huggingface_hub` client, with injected faults.

Faults are queued. Each applies to the next requests whose path contains a given text.
"""

import contextlib
import socket
import sys
import threading
from dataclasses import dataclass
from http.server import ThreadingHTTPServer

from tests.hub_handler import Handler, Repository


@dataclass
class Fault:
    """Fault of the next `times` requests of `method` whose path contains `path`."""

    kind: str  # status, delay, break_off, reset, corrupt
    times: int
    path: str = ""
    method: str = ""
    status: int = 500
    code: str = ""
    seconds: float = 0.0


class Server(ThreadingHTTPServer):
    daemon_threads, block_on_close = True, False

    def handle_error(self, request: socket.socket, client_address: object) -> None:
        if not isinstance(sys.exception(), OSError):  # clients disconnect when they time out
            super().handle_error(request, client_address)


class HubServer:
    """The Hub itself. `url` stays the same when it is stopped and started again."""

    def __init__(self) -> None:
        self.tokens = {"hf_write": "write", "hf_read": "read"}
        self.repositories: dict[str, Repository] = {}
        self.lock = threading.Lock()
        self.server: Server | None = None
        self.connections: set[socket.socket] = set()
        self._reserve(0)
        self.forget()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def _reserve(self, port: int) -> None:
        # Bound but not listening: the port stays reserved, and connections are refused at once.
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", port))

    def start(self) -> None:
        self.stopped = threading.Event()
        self.server = Server(self.socket.getsockname(), Handler, bind_and_activate=False)
        self.server.socket.close()
        self.server.socket, self.server.hub = self.socket, self
        self.server.server_activate()
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Go offline: connections are refused until `start`."""
        if self.server is not None:
            port = self.socket.getsockname()[1]
            self.stopped.set()
            self.server.shutdown()
            self.server.server_close()
            for connection in list(self.connections):
                with contextlib.suppress(OSError):  # the client may have disconnected first
                    connection.shutdown(socket.SHUT_RDWR)
            self.server = None
            self._reserve(port)

    def forget(self) -> None:
        self.repositories.clear()
        self.blobs: dict[str, bytes] = {}
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str]] = []
        self.ranges: list[int] = []  # offsets of resumed downloads

    def add(self, repo_id: str, files: dict[str, bytes], *, is_private: bool = False) -> str:
        """Commit `files` to `main`, in addition to its files, as if someone had pushed them; return the sha."""
        repository = self.repositories.setdefault(repo_id, Repository(is_private))
        before = repository.commits.get(repository.branches.get("main", ""), {})
        return repository.commit({**before, **files}, "add")

    def files(self, repo_id: str, revision: str = "main") -> dict[str, bytes]:
        repository = self.repositories[repo_id]
        return repository.commits[repository.resolve(revision)]

    def inject(self, kind: str, times: int = 1, **where: str | int | float) -> None:
        self.faults.append(Fault(kind, times, **where))

    def take_fault(self, method: str, path: str) -> Fault | None:
        with self.lock:
            self.requests.append((method, path))
            for fault in self.faults:
                if fault.times > 0 and fault.path in path and fault.method in ("", method):
                    fault.times -= 1
                    return fault
        return None
