"""The contract that every approach keeps: model, configuration, color spaces, objectives, losses and recipe."""
