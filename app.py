"""Launch the demo: `python app.py`, then open http://127.0.0.1:7860. On Hugging Face Spaces this file is the Space.

COLORIZER_VOTES sets the file for the votes, COLORIZER_VOTES_REPO a Hub dataset to share them in.
COLORIZER_PRIVATE_PAGE is the address of a page built by `python -m colorizer web`, to link to.
COLORIZER_MODELS adds checkpoints: folders or Hub ids (user/name, user/name@revision), separated by commas.
GRADIO_MCP_SERVER=True also offers the endpoints to AI assistants; this needs gradio[mcp].
GRADIO_SERVER_NAME and GRADIO_SERVER_PORT set the address; the default is 127.0.0.1:7860, on Spaces all addresses.
"""

import os
import socket

from colorizer.programs import run_program


def server_address() -> tuple[str, int]:
    """Return host and port. If the app can't listen there, it ends here, before anything is loaded."""
    host = os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    port = os.environ["GRADIO_SERVER_PORT"] = os.environ.get("GRADIO_SERVER_PORT") or "7860"  # Gradio reads it, too
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host.strip("[]"), int(port)), family=family).close()
    except (OSError, OverflowError, ValueError):
        raise SystemExit(f"The app can't listen at {host}, port {port}: choose another GRADIO_SERVER_PORT.") from None
    return host, int(port)


def main() -> None:
    host, port = server_address()
    # oneDNN caches 1024 primitives compiled per photo size; a network needs a hundred. 256 are as fast, and save 0.1 GB.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
    from colorizer.demo import build_demo, launch_options

    given = {name: os.getenv(f"COLORIZER_{name.upper()}") or None for name in ("votes", "votes_repo", "private_page")}
    models = [model.strip() for model in os.getenv("COLORIZER_MODELS", "").split(",") if model.strip()]
    build_demo(models, **given).launch(server_name=host, server_port=port, **launch_options())


if __name__ == "__main__":
    raise SystemExit(run_program("app.py", main))
