"""Folder for Gradio's temporary files that belongs to the user who runs the app."""

import atexit
import os
import shutil
import stat
import tempfile
from pathlib import Path


def own_folder() -> Path:
    """Return a folder in the system's folder for temporary files that no other user can read, the same at each start.

    Gradio's default is one folder for everyone: only the first user of a machine could write there.
    """
    # On Windows, the folder for temporary files is the user's own.
    user = os.getuid() if hasattr(os, "getuid") else None
    folder = Path(tempfile.gettempdir()) / ("colorizer" if user is None else f"colorizer-{user}")
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
        # Another user may have made it first, or a link.
        is_own = stat.S_ISDIR(status.st_mode) and user in (None, status.st_uid)
        if is_own:
            folder.chmod(0o700)
            return folder
    except OSError:
        pass
    other = tempfile.mkdtemp(prefix="colorizer-")
    atexit.register(shutil.rmtree, other, ignore_errors=True)
    return Path(other)
