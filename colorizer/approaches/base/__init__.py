"""Contract of every approach: model, configuration, color spaces, objectives, losses and recipe."""
