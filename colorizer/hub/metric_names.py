"""Display names of the metrics, for cards, README, reports, the app and its downloads.

They are here because cards need them without `colorizer.evaluation.metrics`, which computes the metrics.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Metric:
    """Presentation of a metric.

    label: name in tables, with the unit.
    digits: decimals of a mean over photos.
    higher_is_better: None for a metric that describes colors without rating them.
    long_name: name in model cards; "" if they omit the metric.
    """

    label: str
    digits: int
    higher_is_better: bool | None
    long_name: str = ""

    @property
    def sign(self) -> int:
        """1 if higher is better, -1 if lower is better, 0 if neither."""
        return {True: 1, False: -1, None: 0}[self.higher_is_better]

    @property
    def heading(self) -> str:
        """Label with an arrow in the better direction."""
        return self.label + {1: " ↑", -1: " ↓", 0: ""}[self.sign]

    @property
    def short_heading(self) -> str:
        """Heading without the unit."""
        return self.heading.replace(" (dB)", "").replace(" (%)", "")


METRICS = {
    "psnr": Metric("PSNR (dB)", 2, True, "PSNR in dB, higher is better"),
    "ssim": Metric("SSIM", 3, True, "SSIM, higher is better"),
    "ciede2000": Metric("ΔE2000", 2, False, "ΔE2000, lower is better"),
    "ab_mae": Metric("ab MAE", 2, False, "mean absolute error of a and b, lower is better"),
    "ab_rmse": Metric("ab RMSE", 2, False, "root mean square error of a and b, lower is better"),
    "mse_ab128": Metric("MSE ab/128", 4, False, "mean square error of ab / 128, lower is better"),
    "auc": Metric("AuC (%)", 2, True, "area under the accuracy curve in %, higher is better"),
    "auc_rebalanced": Metric("AuC rebalanced (%)", 2, True, "class-rebalanced AuC, higher is better"),
    "within_5": Metric("within 5 (%)", 1, True, "pixels within 5 of the true ab in %"),
    "within_10": Metric("within 10 (%)", 1, True, "pixels within 10 of the true ab in %"),
    "within_20": Metric("within 20 (%)", 1, True, "pixels within 20 of the true ab in %"),
    "colorfulness": Metric("colorfulness", 1, None, "colorfulness"),
    "colorfulness_difference": Metric(
        "difference in colorfulness", 1, False, "difference from the true colorfulness, lower is better"
    ),
    "edge_error": Metric("ab error at edges", 2, False),
    "elsewhere_error": Metric("ab error elsewhere", 2, False),
    "lpips": Metric("LPIPS", 3, False),
    "fid": Metric("FID", 1, False),
}
"""Metrics by name in evaluation.json, in the order of the tables."""
