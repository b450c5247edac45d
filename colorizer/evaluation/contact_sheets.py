"""Contact sheets: photos in labeled rows and columns, in one picture."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFont

from colorizer.errors import ColorizerError

MARGIN = 16
GAP = 10
# Maximum column width, in heights: one panorama would make its column as wide as the sheet.
MAX_ASPECT = 2.0
# Minimum column width, in heights: narrower columns would leave no room for a caption.
MIN_ASPECT = 0.6
# Neutral, so that it doesn't tint the photos.
BACKGROUND = (250, 250, 250)
INK = (24, 24, 24)


@lru_cache(maxsize=16)
def font(size: int, *, is_bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the font of the sheets: DejaVu Sans as matplotlib ships it, since Pillow's own has neither Δ nor é."""
    name = "DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, size)


def contact_sheet(
    rows: Sequence[tuple[str, Sequence[np.ndarray | None]]],
    *,
    columns: Sequence[str] = (),
    captions: Sequence[Sequence[str]] = (),
    title: str = "",
    height: int = 240,
    max_width: int = 2400,
) -> Image.Image:
    """Lay out photos in a grid with rows of equal height.

    Args:
        rows: for each row, a title (may be "") and its photos, uint8 (H, W, 3); None for an empty place.
        columns: column labels, written once at the top, or under every photo if the columns are wrapped.
        captions: text under the photos, one list per row and one text per photo, wrapped at its width.
        title: line above everything.
        height: height of every photo in pixels; photos more than twice as wide as high are fitted into that width.
        max_width: maximum width of the sheet in pixels; columns that don't fit move to another line.

    Raises:
        ColorizerError: no rows or no photos, photos that aren't uint8 (H, W, 3), or labels that don't match the photos.
    """
    _check(rows, columns, captions)
    widths = _column_widths([photos for _, photos in rows], height)
    content_width = max_width - 2 * MARGIN
    is_wrapped = len(_break_columns(widths, content_width)) > 1
    text_size = max(11, round(height / 15))
    plain, bold = font(text_size), font(text_size, is_bold=True)

    blocks = [_text_strip(title, font(round(1.4 * text_size), is_bold=True), content_width)] if title else []
    if columns and not is_wrapped:
        blocks.append(
            _side_by_side([_text_strip(name, bold, width) for name, width in zip(columns, widths, strict=True)], widths)
        )
    for number, (row_title, photos) in enumerate(rows):
        if row_title:
            blocks.append(_text_strip(row_title, bold, content_width))
        if is_wrapped:
            # Wrapped columns no longer line up: they are as wide as the row's own photos, and end with them.
            photos = photos[: 1 + max((place for place, photo in enumerate(photos) if photo is not None), default=0)]
            widths = _column_widths([photos], height)
        for line in _break_columns(widths, content_width):
            cells = []
            for place in line:
                photo = photos[place] if place < len(photos) else None
                strips = [_fit(photo, widths[place], height)]
                if is_wrapped and columns and photo is not None:
                    strips.append(_text_strip(columns[place], bold, widths[place]))
                if captions and photo is not None and captions[number][place]:
                    strips.append(_text_strip(captions[number][place], plain, widths[place]))
                cells.append(_stack(strips, gap=2))
            blocks.append(_side_by_side(cells, [widths[place] for place in line]))
    body = _stack([_trim(block) for block in blocks], gap=GAP)
    sheet = Image.new("RGB", (body.width + 2 * MARGIN, body.height + 2 * MARGIN), BACKGROUND)
    sheet.paste(body, (MARGIN, MARGIN))
    return sheet


def _check(
    rows: Sequence[tuple[str, Sequence[np.ndarray | None]]], columns: Sequence[str], captions: Sequence[Sequence[str]]
) -> None:
    photos = [photo for _, cells in rows for photo in cells if photo is not None]
    if not photos:
        raise ColorizerError("a contact sheet needs at least one photo")
    for photo in photos:
        if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3 or photo.size == 0:
            raise ColorizerError(f"a contact sheet takes photos as uint8 (H, W, 3), not {photo.dtype} {photo.shape}")
    longest = max(len(cells) for _, cells in rows)
    if columns and len(columns) != longest:
        raise ColorizerError(f"the sheet has {longest} columns but {len(columns)} labels")
    if captions and [len(texts) for texts in captions] != [len(cells) for _, cells in rows]:
        raise ColorizerError("captions must hold one text per photo in each row")


def _column_widths(rows: Sequence[Sequence[np.ndarray | None]], height: int) -> list[int]:
    widths = [round(MIN_ASPECT * height)] * max(len(photos) for photos in rows)
    for photos in rows:
        for place, photo in enumerate(photos):
            if photo is not None:
                aspect = min(MAX_ASPECT, photo.shape[1] / photo.shape[0])
                widths[place] = max(widths[place], round(aspect * height))
    return widths


def _break_columns(widths: list[int], max_width: int) -> list[list[int]]:
    lines: list[list[int]] = [[]]
    for place, width in enumerate(widths):
        if lines[-1] and sum(widths[p] + GAP for p in lines[-1]) + width > max_width:
            lines.append([])
        lines[-1].append(place)
    return lines


def _fit(photo: np.ndarray | None, width: int, height: int) -> Image.Image:
    cell = Image.new("RGB", (width, height), BACKGROUND)
    if photo is not None:
        scale = min(width / photo.shape[1], height / photo.shape[0])
        size = max(1, round(scale * photo.shape[1])), max(1, round(scale * photo.shape[0]))
        # A long photo shrinks to a few pixels on one side: reduce it by boxes first, which needs no memory.
        resized = Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        cell.paste(resized, (0, (height - size[1]) // 2))
    return cell


def _text_strip(text: str, text_font: ImageFont.FreeTypeFont, width: int) -> Image.Image:
    lines = [part for line in text.splitlines() for part in _break_line(line, text_font, width)]
    line_height = sum(text_font.getmetrics()) + 2
    strip = Image.new("RGB", (width, line_height * max(1, len(lines))), BACKGROUND)
    draw = ImageDraw.Draw(strip)
    for number, line in enumerate(lines):
        draw.text((0, number * line_height), line, font=text_font, fill=INK)
    return strip


def _break_line(line: str, text_font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Break a line into parts no wider than `width`: at spaces, and within a word only if it is too wide by itself."""
    parts = [""]
    for word in line.split(" "):
        joined = f"{parts[-1]} {word}" if parts[-1] else word
        if text_font.getlength(joined) <= width:
            parts[-1] = joined
            continue
        if parts[-1]:
            parts.append("")
        for letter in word:
            if parts[-1] and text_font.getlength(parts[-1] + letter) > width:
                parts.append("")
            parts[-1] += letter
    return parts


def _trim(block: Image.Image) -> Image.Image:
    """Crop the empty space at the right of a block."""
    box = ImageChops.difference(block, Image.new("RGB", block.size, BACKGROUND)).getbbox()
    return block.crop((0, 0, box[2], block.height)) if box else block


def _stack(strips: Sequence[Image.Image], *, gap: int) -> Image.Image:
    stacked = Image.new(
        "RGB",
        (max(strip.width for strip in strips), sum(strip.height for strip in strips) + gap * (len(strips) - 1)),
        BACKGROUND,
    )
    top = 0
    for strip in strips:
        stacked.paste(strip, (0, top))
        top += strip.height + gap
    return stacked


def _side_by_side(strips: Sequence[Image.Image], widths: Sequence[int]) -> Image.Image:
    line = Image.new("RGB", (sum(widths) + GAP * (len(widths) - 1), max(strip.height for strip in strips)), BACKGROUND)
    left = 0
    for strip, width in zip(strips, widths, strict=True):
        line.paste(strip, (left, 0))
        left += width + GAP
    return line
