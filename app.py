"""The Space: builds the demo and launches it. `python app.py`, then open http://127.0.0.1:7860.

COLORIZER_VOTES names the file that keeps the votes, COLORIZER_VOTES_REPO a Hub dataset that shares them.
COLORIZER_MODELS adds checkpoints: folders or Hub ids (user/name, user/name@revision), separated by commas.
GRADIO_MCP_SERVER=True offers its endpoints to assistants too, where gradio[mcp] is installed.
GRADIO_SERVER_NAME and GRADIO_SERVER_PORT say where it listens; on Hugging Face Spaces it listens to all.
"""

import os
from pathlib import Path

from colorizer.demo import build_demo, launch_options


def main() -> None:
    # oneDNN keeps what it has compiled for a size of photo, 1024 pieces of it, of which a network needs some hundred. Visitors'
    # sizes hardly ever come back: 256 are as fast where they do, and take 0.1 GB less after 200 requests.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")
    models = [model.strip() for model in os.environ.get("COLORIZER_MODELS", "").split(",") if model.strip()]
    server_name = os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
    server_port = int(os.environ.get("GRADIO_SERVER_PORT", "7860"))
    votes = os.environ.get("COLORIZER_VOTES")
    demo = build_demo(models, votes=Path(votes) if votes else None, votes_repo=os.environ.get("COLORIZER_VOTES_REPO"))
    demo.launch(server_name=server_name, server_port=server_port, **launch_options())


if __name__ == "__main__":
    main()
