"""Metrics, the comparison of checkpoints, its tables and pictures."""
