"""File formats of photos: their file extensions and media types, and how their first bytes tell them apart."""

_RAW_NAMES = (
    *("dng", "nef", "nrw", "cr2", "cr3", "crw", "arw", "srf", "sr2", "raf", "orf", "rw2", "pef", "srw", "3fr", "fff"),
    *("iiq", "mos", "mrw", "erf", "kdc", "dcr", "mef", "rwl", "x3f"),
)
RAW_TYPES = {f".{name}": f"image/x-{name}" for name in _RAW_NAMES}
# Every extension that is offered and searched for, in every entrance.
MEDIA_TYPES = {
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "image/jpeg"),
    ".mpo": "image/mpo",
    **dict.fromkeys((".png", ".apng"), "image/png"),
    ".webp": "image/webp",
    **dict.fromkeys((".tif", ".tiff"), "image/tiff"),
    ".gif": "image/gif",
    **dict.fromkeys((".bmp", ".dib"), "image/bmp"),
    ".pbm": "image/x-portable-bitmap",
    ".pgm": "image/x-portable-graymap",
    ".ppm": "image/x-portable-pixmap",
    ".pnm": "image/x-portable-anymap",
    ".pam": "image/x-portable-arbitrarymap",
    ".pfm": "image/x-portable-floatmap",
    ".tga": "image/x-tga",
    ".pcx": "image/x-pcx",
    ".pcd": "image/x-photo-cd",
    ".psd": "image/vnd.adobe.photoshop",
    **dict.fromkeys((".jp2", ".j2k", ".j2c", ".jpc", ".jpf", ".jpx"), "image/jp2"),
    **dict.fromkeys((".avif", ".avifs"), "image/avif"),
    **dict.fromkeys((".heic", ".heics", ".heif", ".heifs", ".hif"), "image/heic"),
    ".jxl": "image/jxl",
    ".pdf": "application/pdf",
    **RAW_TYPES,
}

# What reads a format that Pillow doesn't read itself, or not all bits of: the module, and the words for messages.
DECODERS = {
    "HEIF": ("pillow_heif", "a HEIC photo"),
    "JXL": ("imagecodecs", "a JPEG XL photo"),
    "RAW": ("rawpy", "a RAW photo"),
    "PDF": ("pypdfium2", "a PDF"),
    "TIFF": ("tifffile", "a TIFF"),
    "AVIF": ("imagecodecs", "an AVIF photo"),
    "JPEG2000": ("imagecodecs", "a JPEG 2000 photo"),
}
EXTRA = 'python -m pip install "colorizer[formats]"'

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_RAW = (b"FUJIFILMCCD-RAW", b"FOVb", b"\0MRM", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"II\x1a\0\0\0HEAPCCDR")
_JXL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
HEAD_BYTES = 32


def format_of(head: bytes, suffix: str) -> str | None:
    """Return the key of `DECODERS` for a file with this beginning, of `HEAD_BYTES`, and extension, or None: Pillow decides.

    A TIFF may be RAW all the same: its tags decide.
    """
    if head.startswith(_TIFF):
        return "RAW" if suffix in RAW_TYPES or head[8:10] == b"CR" else "TIFF"
    if head.startswith(_RAW) or head[4:12] == b"ftypcrx ":
        return "RAW"
    if head.startswith(_JXL):
        return "JXL"
    # AVIF files name the brand of HEIF too.
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS and b"avif" not in head[16:32]:
        return "HEIF"
    return "PDF" if head.startswith(b"%PDF-") else None
