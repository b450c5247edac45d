"""Training on aged photos with the colors of the original ones as targets."""

import torch

from colorizer.approaches.dense import Dense


def test_inputs_are_aged_and_targets_are_not(train, monkeypatch):
    step_inputs, seen = Dense.step_inputs, []

    def watched(self, output, lightness, target, labels=None):
        if self.training:
            seen.append((lightness, target))
        return step_inputs(self, output, lightness, target, labels)

    monkeypatch.setattr(Dense, "step_inputs", watched)
    counts = {}
    for share in (0, 0.5, 1):
        seen.clear()
        train("--max_train_steps", 4, "--age", share, "--overwrite_output_dir")
        steps = [torch.cat(parts) for parts in zip(*seen, strict=True)]
        if share == 0:
            new_lightness, targets = steps
        assert torch.equal(steps[1], targets)
        counts[share] = int((steps[0] != new_lightness).flatten(1).any(1).sum())
    assert counts[0] == 0
    assert 2 < counts[0.5] < 14
    assert counts[1] == 16
