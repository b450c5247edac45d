"""Bounds on the memory and time of the process that decodes a file: few for its header, then what the photo may take."""

from contextlib import suppress
from typing import IO

SECONDS, SECONDS_PER_MEGAPIXEL = 5, 2
BYTES, BYTES_PER_PIXEL, BYTES_PER_FILE_BYTE = 256 * 2**20, 32, 2


def megapixels(count: int) -> str:
    """Return a number of pixels in millions, for messages."""
    return f"{count / 1e6:.0f}" if count >= 1e7 else f"{count / 1e6:.2g}"


class Refused(Exception):
    """A file that can't become a photo. The message follows its name: "is …", "has …"."""


class Bounds:
    """Limits of this process."""

    def __init__(self, file: IO[bytes], max_pixels: int) -> None:
        self.max_pixels, self.file_bytes = max_pixels, file.seek(0, 2)
        self.seconds_per_megapixel = SECONDS_PER_MEGAPIXEL
        file.seek(0)
        self._own_bytes = _address_space()
        self.allow(0)

    def check(self, width: int, height: int) -> None:
        """Allow what a photo of this size takes; raise Refused if it is too large."""
        if width * height > self.max_pixels:
            count = megapixels(width * height)
            raise Refused(f"has {count} million pixels, more than the {self.max_pixels / 1e6:g} allowed")
        self.allow(width * height)

    def allow(self, pixels: int, spare: int = 0) -> None:
        """Limit memory and processor time, where the system can."""
        with suppress(ImportError, ValueError, OSError):
            import resource

            seconds = SECONDS + int(self.seconds_per_megapixel * pixels / 10**6)
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
            if self._own_bytes:
                size = (
                    self._own_bytes + BYTES + BYTES_PER_FILE_BYTE * self.file_bytes + BYTES_PER_PIXEL * pixels + spare
                )
                resource.setrlimit(resource.RLIMIT_AS, (size, resource.getrlimit(resource.RLIMIT_AS)[1]))


def _address_space() -> int:
    """Return the bytes of this process's address space, or 0 where Linux doesn't tell."""
    with suppress(ImportError, OSError), open("/proc/self/statm") as file:
        import resource

        return int(file.read().split()[0]) * resource.getpagesize()
    return 0
