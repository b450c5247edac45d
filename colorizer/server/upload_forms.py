"""Forms of uploads, parsed with a bound of what they hold in memory, and with nothing left on the disk by those that fail."""

from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from tempfile import _TemporaryFileWrapper
from typing import Any

from gradio import route_utils, routes
from starlette.datastructures import FormData
from starlette.formparsers import MultiPartException

from colorizer.server.disk_space import Share

MAX_FIELDS = 2**20
"""Bytes of a form's fields in total, which are held in memory. The app itself sends none."""
MAX_FILES = 200
"""Files of a form; an album has as many."""
MAX_TRACKED = 1000
"""Uploads whose progress is kept, though nobody may ask for it."""
SHARE: ContextVar[Share | None] = ContextVar("SHARE", default=None)
"""Share of the space that the upload has which is handled here."""
FILES = "files"
"""Name of the parts that Gradio takes as uploads."""


class BoundedForm(route_utils.GradioMultiPartParser):
    """Parser of an upload. Gradio's own holds fields of any size in memory, and leaves the files of broken uploads behind."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._field_bytes_left = MAX_FIELDS
        self.max_files = MAX_FILES

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

    def on_headers_finished(self) -> None:
        """Begin a field or a file."""
        super().on_headers_finished()
        if self._current_part.file is not None and (share := SHARE.get()) is not None:
            share.num_files += 1

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
        uploads = [(name, value) for name, value in form.multi_items() if name == FILES]
        kept = {id(value.file) for _, value in uploads if not isinstance(value, str)}
        # Others are under other names, or of a form that ends within them.
        _discard([file for file in self._files_to_close_on_error if id(file) not in kept])
        return FormData(uploads)


class ClosedFile(route_utils.GradioUploadFile):
    """File of an upload that is closed once it is complete. Gradio's own stay open until the whole form is there."""

    async def seek(self, offset: int) -> None:
        """Close the file; Gradio goes back to its begin only for others to read it, and nobody does."""
        await self.close()


class BoundedProgress(route_utils.FileUploadProgress):
    """Progress of uploads. Gradio's own is kept for ever unless it is asked for, and then what it waited for is."""

    async def is_tracked(self, upload_id: str) -> bool:
        """Wait for an upload to begin."""
        try:
            return await super().is_tracked(upload_id)
        finally:
            if upload_id not in self._statuses:
                self._signals.pop(upload_id, None)

    def track(self, upload_id: str) -> None:
        """Begin to keep the progress of an upload, and forget that of the oldest if there are too many."""
        super().track(upload_id)
        while len(self._statuses) > MAX_TRACKED:
            self.stop_tracking(next(iter(self._statuses)))

    def stop_tracking(self, upload_id: str) -> None:
        """Forget the progress of an upload."""
        super().stop_tracking(upload_id)
        self._signals.pop(upload_id, None)


def _discard(files: list[_TemporaryFileWrapper]) -> None:
    for file in files:
        with suppress(OSError):  # also a full disk, at the flush
            file.close()
        with suppress(OSError):
            Path(file.name).unlink(missing_ok=True)


def bound_forms() -> None:
    """Let Gradio parse uploads by `BoundedForm`, into `ClosedFile`, with `BoundedProgress`."""
    route_utils.GradioMultiPartParser, route_utils.GradioUploadFile = BoundedForm, ClosedFile
    routes.file_upload_statuses = BoundedProgress()
