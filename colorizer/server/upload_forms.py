"""Forms of uploads, parsed with a bound of what they hold in memory, and with nothing left on the disk by those that fail."""

from contextlib import suppress
from pathlib import Path
from tempfile import _TemporaryFileWrapper
from typing import Any

from gradio import route_utils
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException

MAX_FIELDS = 2**20
"""Bytes of a form's fields in total, which are held in memory. The app itself sends none."""
FILES = "files"
"""Name of the parts that Gradio takes as uploads."""


class BoundedForm(route_utils.GradioMultiPartParser):
    """Parser of an upload. Gradio's own holds fields of any size in memory, and leaves the files of broken uploads behind."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._field_bytes_left = MAX_FIELDS

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        """Take in a piece of a field or a file."""
        if self._current_part.file is not None:
            super().on_part_data(data, start, end)
            return
        self._field_bytes_left -= end - start
        if self._field_bytes_left < 0:
            # Gradio answers with status 413 for these words.
            raise MultiPartException(f"The fields exceed the maximum allowed size of {MAX_FIELDS // 2**20} MiB.")
        self._current_part.data += data[start:end]

    async def parse(self) -> FormData:
        """Return the form, with the files that Gradio takes as uploads alone.

        Raises:
            MultiPartException: it is not a form, or too large.
        """
        try:
            form = await super().parse()
        except BaseException:  # also of a caller that has left, or of a full disk
            _discard(self._files_to_close_on_error)
            raise
        others = [value for name, value in form.multi_items() if name != FILES and not isinstance(value, str)]
        _discard([upload.file for upload in others])
        return FormData([(name, value) for name, value in form.multi_items() if name == FILES])


def _discard(files: list[_TemporaryFileWrapper]) -> None:
    for file in files:
        with suppress(OSError):  # also a full disk, at the flush
            file.close()
        with suppress(OSError):
            Path(file.name).unlink(missing_ok=True)


def bound_forms() -> None:
    """Let Gradio parse uploads by `BoundedForm`."""
    route_utils.GradioMultiPartParser = BoundedForm
