"""The further tables of a report: leads, bleeding, size, age and labels, each with a word on how to read it."""

from colorizer.evaluation.edges import MIN_STEP, REACH
from colorizer.evaluation.labels import label_tables
from colorizer.evaluation.leads import lead_table
from colorizer.evaluation.results import Report
from colorizer.evaluation.tables import best_means, markdown_table, rows, to_markdown
from colorizer.hub.metric_names import METRICS


def all_tables(report: Report) -> str:
    """Everything that was measured as one Markdown text: the comparison, and below it each section with its title."""
    further = (f"## {title}\n\n{text}\n\n{table}" for title, text, table in sections(report))
    return "\n".join([f"# Measured\n\n{to_markdown(report)}", *further])


def sections(report: Report) -> list[tuple[str, str, str]]:
    """Title, what it shows and Markdown table of all that was measured."""
    found = []
    if report.leads:
        found.append(("Lead over the baselines", _LEADS, lead_table(report)))
    if any("edge_error" in evaluation.means for evaluation in report.evaluations):
        found.append(("Bleeding", _BLEEDING, bleeding_table(report)))
    if report.size is not None:
        photos, sizes = report.size["num_photos"], ", ".join(map(str, report.size["sizes"]))
        found.append(("Size", _SIZE.format(photos=photos, sizes=sizes), size_table(report)))
    if report.age is not None:
        found.append(("Age", _AGE.format(photos=report.age["num_photos"]), age_table(report)))
    if report.labels is not None:
        found.append(("Labels", _LABELS, label_tables(report)))
    return found


_LEADS = (
    "By how much each model, as it is, is better than what needs no network, photo by photo: positive is better, whichever way "
    "the metric goes, and bold where the whole 95% interval (paired bootstrap) says so."
)
_BLEEDING = (
    f"Mean distance from the true color in ab, of the pixels within {REACH} of an edge at which the true color changes by "
    f"{MIN_STEP:g} or more a pixel, and of the others. Colors that bleed are wrong at edges above all: the ratio tells it "
    "from colors that are wrong everywhere."
)
_SIZE = (
    "How far a model's colors move when the same photo comes in another size: mean ΔE2000 between its results, of {photos} "
    "photos at {sizes} pixels."
)
_AGE = (
    "{photos} photos as they are, and turned old before they were colored: film that sees no red, blur, fading, scratches, "
    "grain, JPEG and sepia by a fixed seed. The colors are measured on the photo as it was."
)
_LABELS = "ΔE2000 as a share of that of gray: 1 is no better than no color. Labels of few photos are put together."


def bleeding_table(report: Report) -> str:
    """Errors at edges and elsewhere of each model, as it is and at matched colorfulness."""
    metrics = {name: METRICS[name] for name in ("edge_error", "elsewhere_error")}
    lines = [["model", *(metric.heading for metric in metrics.values()), "ratio"], ["---", "---:", "---:", "---:"]]
    every = rows(report)
    best = [best_means([s for _, e, s in every if (s is e) is as_it_is], metrics) for as_it_is in (True, False)]
    for title, evaluation, scores in every:
        cells = [title]
        for name, metric in metrics.items():
            text = f"{scores.means[name]:.{metric.digits}f}"
            cells.append(f"**{text}**" if scores.means[name] == best[scores is not evaluation].get(name) else text)
        elsewhere = scores.means["elsewhere_error"]
        lines.append([*cells, f"{scores.means['edge_error'] / elsewhere:.2f}" if elsewhere else ""])
    return f"{markdown_table(lines)}\n"


def size_table(report: Report) -> str:
    """Mean ΔE2000 between sizes, all pairs and each."""
    models = report.size["models"]
    pairs = list(next(iter(models.values()))["pairs"]) if models else []
    lines = [["model", "all pairs ↓", *pairs], ["---", *["---:"] * (len(pairs) + 1)]]
    least = min((model["mean"] for model in models.values()), default=None)
    for name, model in models.items():
        mean = f"{model['mean']:.2f}"
        mean = f"**{mean}**" if model["mean"] == least and len(models) > 1 else mean
        interval = f" ± {(model['high'] - model['low']) / 2:.2f}"
        lines.append([name, mean + interval, *(f"{model['pairs'][pair]:.2f}" for pair in pairs)])
    return f"{markdown_table(lines)}\n"


def age_table(report: Report) -> str:
    """Metrics of new and old photos side by side."""
    models = report.age["models"]
    names = list(next(iter(models.values()))["old"]) if models else []
    headings = [f"{METRICS[name].heading}{of}" for name in names for of in (", new", ", old")]
    lines = [["model", *headings], ["---", *["---:"] * len(headings)]]
    for model, measured in models.items():
        cells = []
        for name in names:
            digits, old = METRICS[name].digits, measured["old"][name]
            cells += [
                f"{measured['new'][name]:.{digits}f}",
                f"{old['mean']:.{digits}f} ± {(old['high'] - old['low']) / 2:.{digits}f}",
            ]
        lines.append([model, *cells])
    return f"{markdown_table(lines)}\n"
