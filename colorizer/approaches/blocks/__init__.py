"""Layers and backbones that several approaches share."""
