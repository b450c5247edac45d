"""HTML report: one self-contained page that compares all checkpoints."""

import base64
import html
import io
import os
import re
from pathlib import Path

from PIL import Image

from colorizer.atomic_write import write_text
from colorizer.errors import ColorizerError, quote
from colorizer.evaluation.plots import curve_figure, metrics_figure, to_svg
from colorizer.evaluation.report_sections import sections
from colorizer.evaluation.results import MATCHED_SHEET, SHEET, Report, read_results, results_file
from colorizer.evaluation.tables import caption, comparison_table
from colorizer.hub.run_records import checking_values

SHEETS = {
    SHEET: "The same photos by every model as is, at fixed places in the dataset",
    MATCHED_SHEET: "The same photos at matched colorfulness",
}
FILE_NAME = "report.html"
MAX_SHEET_PIXELS = 2**26
"""A sheet of some 80 models has as many."""
MAX_SHEET_SIDE = 65_500
"""JPEG, in which the page holds the sheets, has no longer sides."""

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; background: #fafafa; max-width: 1500px; margin: 0 auto;
  padding: 1.5rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
p { max-width: 75ch; } .wide { overflow-x: auto; } img { width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; margin: 0.8rem 0; }
th, td { padding: 0.25rem 0.6rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; position: sticky; left: 0; background: #fafafa; }
th { vertical-align: bottom; } tbody tr:hover td { background: #f0f0f0; } .words td { text-align: left; white-space: normal; }
"""


def write_report(results: str | os.PathLike, output: str | os.PathLike | None = None) -> Path:
    """Write the HTML page for the results of `evaluate` in the folder `results`; by default to report.html there.
    Return its path.

    Raises:
        ColorizerError: the folder holds no results, or damaged ones, or the page can't be written.
    """
    file = results_file(results)
    report = read_results(file)
    path = Path(output) if output is not None else file.parent / FILE_NAME
    pictures = {}
    for name, title in SHEETS.items():
        sheet = file.parent / name
        if sheet.is_file():
            pictures[title] = _read_picture(sheet)
    with checking_values(quote(str(file))):  # a name that others refer to may be missing
        page = render_page(report, pictures)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, page)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        reason = getattr(error, "strerror", None) or error
        raise ColorizerError(
            f"The report {quote(str(path))} can't be written: {reason}. Choose another place."
        ) from error
    return path


def render_page(report: Report, pictures: dict[str, Image.Image] | None = None) -> str:
    """Render the page as HTML. `pictures` holds contact sheets by title."""
    title = f"Photo colorization: {len(report.evaluations) - len(report.baselines)} models compared"
    parts = [f"<h1>{html.escape(title)}</h1>", f"<p>{html.escape(caption(report))}</p>"]
    if any(evaluation.curve for evaluation in report.evaluations):
        parts += [
            "<h2>Accuracy over colorfulness</h2>",
            "<p>Scaling a model's chroma moves it along a curve, since dull colors cost less where they are wrong. The better "
            "of two models is the one whose curve runs higher, however vivid its own colors are. Rings mark the models as "
            "is.</p>",
            _picture(to_svg(curve_figure(report)), "svg+xml", "Accuracy over colorfulness"),
        ]
    parts += [
        "<h2>Metrics</h2>",
        "<p>With 95% intervals. Dotted line: the best baseline; for colorfulness, the true photos.</p>",
        _picture(to_svg(metrics_figure(report)), "svg+xml", "Metrics of each model"),
        to_html(comparison_table(report)),
    ]
    for heading, text, tables in sections(report):
        parts += [f"<h2>{heading}</h2>", f"<p>{html.escape(text)}</p>", to_html(tables)]
    for heading, picture in (pictures or {}).items():
        parts += [f"<h2>{html.escape(heading)}</h2>", _picture(_jpeg(picture), "jpeg", heading)]
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{html.escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )


def to_html(markdown: str) -> str:
    """Convert Markdown tables, as `markdown_table` writes them, to HTML."""
    return "\n".join(_table_to_html(block.splitlines()) for block in markdown.strip().split("\n\n"))


def _table_to_html(lines: list[str]) -> str:
    header, rule, *body = ([cell.strip() for cell in re.findall(r"((?:\\.|[^\\|])*)\|", line[1:])] for line in lines)
    # A table without right-aligned columns holds words.
    kind = ' class="words"' if "---:" not in rule else ""
    rows = ["".join(f"<td>{_cell(cell)}</td>" for cell in cells) for cells in body]
    return (
        f'<div class="wide"><table{kind}><thead><tr>'
        + "".join(f"<th>{_cell(cell)}</th>" for cell in header)
        + "</tr></thead><tbody>"
        + "".join(f"<tr>{row}</tr>" for row in rows)
        + "</tbody></table></div>"
    )


def _cell(markdown: str) -> str:
    bold = re.fullmatch(r"\*\*([^\\*]+)\*\*(.*)", markdown)  # as `format_mean` writes it
    if bold:
        return f"<b>{html.escape(bold[1])}</b>{html.escape(bold[2])}"
    return html.escape(re.sub(r"\\(.)", r"\1", markdown))


def _picture(content: bytes, kind: str, text: str) -> str:
    encoded = base64.b64encode(content).decode("ascii")
    return f'<img alt="{html.escape(text)}" src="data:image/{kind};base64,{encoded}">'


def _jpeg(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.convert("RGB").save(stream, "jpeg", quality=88)
    return stream.getvalue()


def _read_picture(path: Path) -> Image.Image:
    try:
        # Among Pillow's other formats is PostScript, which is a program.
        with Image.open(path, formats=("PNG",)) as picture:
            if picture.width * picture.height > MAX_SHEET_PIXELS or max(picture.size) > MAX_SHEET_SIDE:
                raise ValueError(f"it has {picture.width:,}×{picture.height:,} pixels")
            return picture.convert("RGB")
    except Exception as error:  # Pillow's plugins raise any kind of error
        raise ColorizerError(
            f"{path} is not a contact sheet ({quote(error)}): evaluate again, or delete it."
        ) from error
