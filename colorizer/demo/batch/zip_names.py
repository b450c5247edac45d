"""Names of the files in a ZIP, whose encoding most programs don't state."""

import re
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Sequence
from itertools import pairwise

# Written by programs of the West, Russia and Japan, besides UTF-8. Of those that fit alike, the first is taken.
_ENCODINGS = ("cp437", "cp1252", "cp850", "cp866", "cp932")
_IS_UTF8 = 0x800  # flag of an entry
_UNICODE_NAME = 0x7075  # extra field of Info-ZIP, 7-Zip and WinRAR
_WORD = re.compile(r"[^\W\d_]+")
_USUAL_SIGNS = set("№°–—‘’“”…・「」（）　～")
_EAST_ASIAN = ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "CJK")
_EVIDENCE = 500  # number of names from which the encoding is told
MAX_NAME = 500
"""Length of a name, in characters; longer ones are refused, and tell nothing of the encoding."""


def readable_names(entries: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Return the names of a ZIP's entries as the program that wrote them meant them.

    Names without the flag of UTF-8 are all in one encoding: UTF-8 if they are valid, else the one that makes words of them.
    """
    short = [entry for entry in entries if not entry.flag_bits & _IS_UTF8 and len(entry.orig_filename) <= MAX_NAME]
    raw = [_raw(entry) for entry in short[:_EVIDENCE]]
    encoding = _encoding(b"\n".join(raw))
    return [_name(entry, encoding) for entry in entries]


def _raw(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode("cp437")  # which is how zipfile read all bytes


def _name(entry: zipfile.ZipInfo, encoding: str) -> str:
    if entry.flag_bits & _IS_UTF8:
        return entry.filename
    name = _unicode_name(entry) or _raw(entry).decode(encoding, "replace")
    return name.partition("\0")[0]


def _unicode_name(entry: zipfile.ZipInfo) -> str | None:
    """Return the name in UTF-8 from an extra field; None without one, or if it belongs to an earlier name."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == _UNICODE_NAME and field[1:5] == struct.pack("<I", zlib.crc32(_raw(entry))):
            return field[5:].decode("utf-8", "replace")
    return None


def _encoding(raw: bytes) -> str:
    decoded = {}
    for encoding in ("utf-8", *_ENCODINGS):
        try:
            decoded[encoding] = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" and all(unicodedata.category(each) != "Cn" for each in decoded[encoding]):
            return encoding
    return min(decoded, key=lambda encoding: _oddity(decoded[encoding]))


def _oddity(text: str) -> float:
    """Return how little a text looks like words."""
    odd = sum(_is_odd_sign(each) for each in text)
    for one, two in pairwise(text):
        if max(one, two) > "\x7f":
            odd += one.isalpha() and two.isalpha() and _script(one) != _script(two)
            odd += two in "\\[]{|}^@"  # second bytes of CP932
            odd += two == "ß" and one not in "aeiouäöü"
        if min(one, two) > "\x7f":
            odd += 0.5 * (_script(one) == "LATIN")  # rare, while other scripts are all like that
    for word in _WORD.findall(text):
        is_cased = word.lower() != word.upper() and not word.isascii()
        odd += is_cased and not (word.islower() or word.isupper() or word.istitle())
    return odd


def _is_odd_sign(character: str) -> float:
    if character <= "\x7f" or unicodedata.category(character)[0] in "LM":
        return 0
    return 0.5 if character in _USUAL_SIGNS else 2


def _script(character: str) -> str:
    word = unicodedata.name(character, "?").split()[0]
    return "CJK" if word in _EAST_ASIAN else word
