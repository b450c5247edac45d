"""Layers and backbones shared by several approaches."""
