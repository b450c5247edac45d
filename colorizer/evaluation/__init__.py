"""Metrics, the comparison of checkpoints, tables and pictures."""
