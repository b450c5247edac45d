"""Inference: the pipeline, its options, prediction and sampling, color hints, devices and processes."""

from colorizer.pipelines.image_colorization import ColorizationPipeline, ColorizationResult, pipeline

__all__ = ["ColorizationPipeline", "ColorizationResult", "pipeline"]
