"""Names of the metrics, for everything that shows them: cards, README, reports, the app and its downloads.

Here because cards, which need them, are written without an evaluation. `colorizer.evaluation.metrics` computes them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """Presentation of a metric.

    label: name in tables, with the unit.
    digits: decimals of a mean over photos.
    higher_is_better: None for a metric that describes colors without rating them.
    long_name: name in model cards; "" for a metric that they leave out.
    """

    label: str
    digits: int
    higher_is_better: bool | None
    long_name: str = ""

    @property
    def sign(self) -> int:
        """1 if higher is better, -1 if lower is, 0 if neither."""
        return {True: 1, False: -1, None: 0}[self.higher_is_better]

    @property
    def heading(self) -> str:
        """Label with an arrow to where it is better."""
        return self.label + {1: " ↑", -1: " ↓", 0: ""}[self.sign]

    @property
    def short_heading(self) -> str:
        """Heading without the unit."""
        return self.heading.replace(" (dB)", "").replace(" (%)", "")


METRICS = {
    "psnr": Metric("PSNR (dB)", 2, True, "PSNR in dB, more is better"),
    "ssim": Metric("SSIM", 3, True, "SSIM, more is better"),
    "ciede2000": Metric("ΔE2000", 2, False, "ΔE2000, less is better"),
    "ab_mae": Metric("ab MAE", 2, False, "mean error of a and b, less is better"),
    "ab_rmse": Metric("ab RMSE", 2, False, "root mean square error of a and b, less is better"),
    "mse_ab128": Metric("MSE ab/128", 4, False, "mean square error of ab / 128, less is better"),
    "auc": Metric("AuC (%)", 2, True, "area under the accuracy curve in %, more is better"),
    "auc_rebalanced": Metric("AuC rebalanced (%)", 2, True, "class-rebalanced AuC, more is better"),
    "within_5": Metric("within 5 (%)", 1, True, "pixels within 5 of the true ab in %"),
    "within_10": Metric("within 10 (%)", 1, True, "pixels within 10 of the true ab in %"),
    "within_20": Metric("within 20 (%)", 1, True, "pixels within 20 of the true ab in %"),
    "colorfulness": Metric("colorfulness", 1, None, "colorfulness"),
    "colorfulness_difference": Metric(
        "difference in colorfulness", 1, False, "difference from the true colorfulness, less is better"
    ),
    "edge_error": Metric("ab error at edges", 2, False),
    "elsewhere_error": Metric("ab error elsewhere", 2, False),
    "lpips": Metric("LPIPS", 3, False),
    "fid": Metric("FID", 1, False),
}
"""By their names in evaluation.json, in the order of the tables."""
