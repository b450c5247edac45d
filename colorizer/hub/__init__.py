"""Checkpoints: loading, download, upload, the records of a run, and model cards."""
