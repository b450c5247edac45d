"""One photo colored by several approaches: results, adjustments without another run, downloads, scores."""
