import io
import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from colorizer.errors import ColorizerError
from colorizer.evaluation.html_report import render_page, to_html, write_report
from colorizer.evaluation.metrics import NAMES
from colorizer.evaluation.plots import CURVES, curve_figure, metrics_figure, to_svg
from colorizer.evaluation.results import Evaluation, Report, Scores, to_json
from colorizer.evaluation.tables import comparison_table


def scores(shift: float) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    means = {name: place + shift for place, name in enumerate(NAMES)}
    return means, {name: (mean - 0.5, mean + 0.25) for name, mean in means.items()}


def model(name: str, shift: float) -> Evaluation:
    curve = [
        {"gain": gain, "colorfulness": 20 * gain, "psnr": 23 - gain, "ciede2000": 9 + gain + shift, "auc": 90 - gain}
        for gain in (0.5, 1.0, 2.0)
    ]
    matched = Scores(*scores(shift + 1), gain=2.0)
    return Evaluation(
        *scores(shift),
        name=name,
        approach="dense",
        num_parameters=10**6,
        photos_per_second=9.0,
        matched=matched,
        curve=curve,
    )


@pytest.fixture
def report() -> Report:
    return Report(
        evaluations=[Evaluation(*scores(0), name="gray"), model("vivid", 1), model("a<b>&", 2)],
        dataset="photos",
        split="test",
        num_photos=1000,
        resolution=256,
        true_colorfulness=42.2,
        hardware="CPU",
        labels={"sea": {"num_photos": 12, "models": {"gray": {"ciede2000": 10.0}, "vivid": {"ciede2000": 8.0}}}},
    )


def test_the_page_holds_everything_it_shows(report: Report, tmp_path: Path):
    (tmp_path / "evaluation.json").write_text(to_json(report), encoding="utf-8")
    Image.new("RGB", (64, 32), "navy").save(tmp_path / "sheet.png")
    path = write_report(tmp_path)
    assert path == tmp_path / "report.html"
    page = path.read_text(encoding="utf-8")
    assert {kind: page.count(f"data:image/{kind};base64,") for kind in ("svg+xml", "jpeg")} == {"svg+xml": 2, "jpeg": 1}
    assert not re.search(r"""(src|href)=["'](?!data:)|<script|@import""", page)
    assert "1,000 photos of photos (test)" in page
    assert "2 models compared" in page
    for heading in ("Accuracy over colorfulness", "Metrics", "Bleeding", "Labels"):
        assert f"<h2>{heading}</h2>" in page
    assert "<td>sea</td><td>12</td><td>10.0</td><td><b>0.80</b></td>" in page
    assert "<td>vivid × 2.00</td>" in page
    assert "a&lt;b&gt;&amp;" in page
    assert "a<b>" not in page, "names are text"
    assert page.count("<tr>") == page.count("</tr>")


def test_results_without_curves_and_pictures_have_a_page_too(tmp_path: Path):
    old = Report([Evaluation({"psnr": 20.0}, {}, name="gray")], "photos", "test", 10, 64, 40.0, "CPU")
    (tmp_path / "evaluation.json").write_text(to_json(old), encoding="utf-8")
    page = write_report(tmp_path / "evaluation.json", tmp_path / "pages" / "new.html").read_text(encoding="utf-8")
    assert "Accuracy over colorfulness" not in page
    assert "<td>20.00</td>" in page


def test_what_is_no_result_is_refused(report: Report, tmp_path: Path):
    with pytest.raises(ColorizerError, match=r"evaluation\.json.*`evaluate`"):
        write_report(tmp_path)
    (tmp_path / "evaluation.json").write_text(to_json(report), encoding="utf-8")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ColorizerError, match="can't be written"):
        write_report(tmp_path, tmp_path / "file" / "report.html")
    with pytest.raises(ColorizerError, match=r"^The report '\.' can't be written: Is a directory"):
        write_report(tmp_path, ".")
    (tmp_path / "sheet.png").write_text("no picture")
    with pytest.raises(ColorizerError, match=r"sheet\.png"):
        write_report(tmp_path)


def png_of_size(width: int, height: int) -> bytes:
    """Return a PNG that says how large it is and holds no pixels."""
    chunks = (b"IHDR" + struct.pack(">2I5B", width, height, 8, 2, 0, 0, 0), b"IDAT")
    packed = (struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) for chunk in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def as_format(kind: str) -> bytes:
    Image.new("RGB", (8, 8)).save(stream := io.BytesIO(), kind)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (as_format("eps"), "cannot identify"),
        (as_format("bmp"), "cannot identify"),
        (png_of_size(60_000, 60_000), "3600000000 pixels"),
        (png_of_size(9000, 9000), "9,000×9,000 pixels"),
        (png_of_size(1, 65_501), "1×65,501 pixels"),
        (png_of_size(8, 8), "truncated"),
    ],
    ids=["eps", "bmp", "bomb", "large", "long", "cut off"],
)
def test_only_a_png_of_a_sheets_size_is_a_sheet(content: bytes, reason: str, report: Report, tmp_path: Path):
    (tmp_path / "evaluation.json").write_text(to_json(report), encoding="utf-8")
    (tmp_path / "sheet.png").write_bytes(content)
    with pytest.raises(ColorizerError, match=rf"sheet\.png is not a contact sheet .*{reason}"):
        write_report(tmp_path)


def test_curves_go_through_their_points_and_better_is_up(report: Report):
    figure = curve_figure(report)
    assert len(figure.axes) == len(CURVES)
    for axes, name in zip(figure.axes, CURVES, strict=True):
        lines = {line.get_label(): line for line in axes.lines}
        for evaluation in report.evaluations[1:]:
            points = [[point["colorfulness"], point[name]] for point in evaluation.curve]
            assert lines[evaluation.name].get_xydata().tolist() == points
        assert lines["gray"].get_xydata().tolist() == [
            [report.evaluations[0].means["colorfulness"], report.evaluations[0].means[name]]
        ]
        assert axes.yaxis_inverted() == (name == "ciede2000")
        assert lines["colorfulness of the truth"].get_xdata()[0] == 42.2


def test_metrics_are_points_with_intervals(report: Report):
    figure = metrics_figure(report)
    axes = figure.axes[0]
    assert axes.get_title() == "PSNR (dB) ↑"
    assert [label.get_text() for label in axes.get_yticklabels()] == ["gray", "vivid", "a<b>&"]
    spans = [collection.get_segments()[0][:, 0].tolist() for collection in axes.collections]
    assert spans == [list(evaluation.intervals["psnr"]) for evaluation in report.evaluations]


def test_the_same_figure_gives_the_same_picture(report: Report):
    first, second = (to_svg(curve_figure(report)) for _ in range(2))
    assert first == second
    assert first.startswith(b"<?xml")


def test_tables_of_words_and_of_numbers():
    numbers, words = to_html("| a | b |\n| --- | ---: |\n| **1** | 2 < 3 |\n\n| a |\n| --- |\n| x, y |").splitlines()
    assert "<td><b>1</b></td><td>2 &lt; 3</td>" in numbers
    assert 'class="words"' in words
    assert 'class="words"' not in numbers


def test_whatever_a_name_holds_it_is_one_cell_and_a_label(report: Report):
    names = ["a|b", "c\nd", "$x$ and $y$", "**e**", r"f\|g", "_h"]
    shown = ["a|b", r"c\nd", "$x$ and $y$", "**e**", r"f\|g", "_h"]
    changed = replace(report, evaluations=[model(name, place) for place, name in enumerate(names)], labels=None)
    table = to_html(comparison_table(changed))
    assert re.findall(r"<tr><td>(.*?)</td>", table) == [*shown, *(f"{name} × 2.00" for name in shown)]
    assert {row.count("<td") for row in table.split("<tr>")[2:]} == {table.count("<th>")}
    curves = curve_figure(changed)
    labels = [text.get_text().replace("\u200b", "") for text in curves.legends[0].get_texts()]
    assert labels == [name.replace("$", r"\$") for name in [*shown, "colorfulness of the truth"]]
    # The letters of mathematics are oblique.
    assert all(b"DejaVuSans-Oblique" not in to_svg(figure) for figure in (curves, metrics_figure(changed)))


def test_pictures_are_shown_by_what_they_show(report: Report):
    page = render_page(report, {"Twelve photos": Image.new("RGB", (8, 8))})
    assert '<h2>Twelve photos</h2>\n<img alt="Twelve photos" src="data:image/jpeg;base64,' in page
