"""JPEGs that lack their last bytes, such as interrupted copies."""

import io
import math
from typing import IO

import numpy as np
from PIL import Image

# Of the photo's rows may be missing; a photo that lacks more is refused.
MAX_MISSING = 0.1

_END, _SCAN = b"\xff\xd9", b"\xff\xda"
# The last pass of a progressive JPEG over some frequencies: only their last bit is missing.
_LAST_PASS = 0x10


def complete_cut_jpeg(file: IO[bytes]) -> Image.Image | None:
    """Return the decoded image of a JPEG that lacks only a little at its end, or None for other damage.

    What is missing of a sequential JPEG becomes gray. A progressive one must lack nothing but details of its last pass.
    """
    file.seek(0)
    content = file.read()
    last_scan = content.rfind(_SCAN)
    if last_scan < 0 or _END in content[last_scan:]:
        return None
    image = Image.open(io.BytesIO(content + _END), formats=("JPEG",))
    image.load()
    if image.info.get("progressive"):
        header = content[last_scan + 2 :]
        end = int.from_bytes(header[:2])
        return image if 2 < end <= len(header) and header[end - 1] == _LAST_PASS else None
    # The decoder fills what is missing with the middle of the range, in CMYK inverted.
    first = max(0, math.ceil((1 - MAX_MISSING) * image.height) - 1)
    last_rows = np.asarray(image.crop((0, first, *image.size)))
    return image if ((last_rows != 127) & (last_rows != 128)).any() else None
