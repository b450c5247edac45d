"""Run a graph by ONNX Runtime."""

import mmap
import threading
from contextlib import ExitStack
from pathlib import Path

import onnxruntime
import torch
from torch import Tensor

from colorizer.graphs.weight_places import weight_files


class GraphRunner:
    """A graph and the weights in `folder`, on the CPU, with as many threads as torch has at the time of a run."""

    def __init__(self, content: bytes, folder: Path):
        self._content = content
        self._folder = folder
        self._lock = threading.Lock()
        self._num_threads = torch.get_num_threads()
        self._session = self._open()

    def run(self, outputs: list[str], *inputs: Tensor) -> dict[str, Tensor]:
        """Return these outputs for the inputs, in the graph's order, (B, …) float32."""
        with self._lock:
            if self._num_threads != torch.get_num_threads():  # which a session can't change
                self._num_threads = torch.get_num_threads()
                self._session = self._open()
            session = self._session
        given = {
            declared.name: tensor.float().numpy() for declared, tensor in zip(session.get_inputs(), inputs, strict=True)
        }
        results = session.run(outputs, given)
        return {name: torch.from_numpy(result) for name, result in zip(outputs, results, strict=True)}

    def _open(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._num_threads
        # Threads that spin while they wait take the cores from whatever else runs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        with ExitStack() as stack:
            files = weight_files(self._folder)
            streams = [stack.enter_context(file.open("rb")) for file in files]
            # By content, so that the runtime opens no file that a graph names.
            contents = [
                stack.enter_context(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)) for stream in streams
            ]
            options.add_external_initializers_from_files_in_memory(
                [file.name for file in files], contents, [len(content) for content in contents]
            )
            return onnxruntime.InferenceSession(self._content, options, providers=["CPUExecutionProvider"])
