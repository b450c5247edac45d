"""Output to a full disk, or to a reader that has left, is dropped, so that it doesn't end the work that it tells of."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Lost:
    """The first error of each output that was dropped, of stdout and of stderr."""

    def __init__(self) -> None:
        self.stdout: OSError | None = None
        self.stderr: OSError | None = None

    @property
    def error(self) -> OSError | None:
        """Error of stdout, or else of stderr."""
        return self.stdout or self.stderr


@contextmanager
def lenient_output() -> Iterator[Lost]:
    """Let stdout and stderr of the process drop within the block what they can't write, and note that they did."""
    _open_closed()
    lost, streams = Lost(), {name: getattr(sys, name) for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        if type(stream) is io.TextIOWrapper:  # not one of a notebook or a test, which has no file
            setattr(sys, name, _lenient(stream, lost, name))
    try:
        yield lost
    finally:
        for name, stream in streams.items():
            with suppress(OSError, ValueError):
                getattr(sys, name).flush()
            setattr(sys, name, stream)


def _open_closed() -> None:
    """Open what was closed at the start, as by `2>&-`: the next file would get its number, and with it what libraries print."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free, which is this one.
            opened = os.open(os.devnull, os.O_RDWR)
            if getattr(sys, name) is None:
                setattr(sys, name, os.fdopen(opened, "r" if number == 0 else "w", closefd=False))


def _lenient(stream: io.TextIOWrapper, lost: Lost, name: str) -> io.TextIOWrapper:
    with suppress(OSError):
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Dropping(stream.buffer, lost, name)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


class _Dropping(io.RawIOBase):
    """Bytes of a stream, which stays open."""

    def __init__(self, buffer: io.BufferedIOBase, lost: Lost, name: str) -> None:
        # Past its buffer, which would keep what it can't write. With `python -u`, it has none.
        self._raw, self._lost, self._name = getattr(buffer, "raw", buffer), lost, name

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def isatty(self) -> bool:
        return self._raw.isatty()

    def write(self, data: memoryview) -> int:
        try:
            written = self._raw.write(data)
        except OSError as error:
            if getattr(self._lost, self._name) is None:
                setattr(self._lost, self._name, error)
            written = None
        return len(data) if written is None else written
