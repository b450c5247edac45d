"""Distillation: a teacher's colors mixed into the training targets."""

import pytest
import torch

from colorizer.data import load_photos
from colorizer.errors import ColorizerError
from colorizer.hub.loading import load_model
from colorizer.photos import color
from colorizer.training import distillation

SIDE = 16


@pytest.fixture
def teacher(train, tmp_path):
    """Folder of a checkpoint trained just long enough that its colors are not gray."""
    train("--output_dir", tmp_path / "teacher", "--max_train_steps", 20, "--learning_rate", 0.01)
    return tmp_path / "teacher"


def test_targets_are_the_mix_at_the_photos_own_lightness(train, teacher, dataset):
    true = color.rgb_to_lab(load_photos(dataset, resolution=SIDE).batch(range(16))["rgb"].float() / 255)
    with torch.no_grad():
        taught = load_model(teacher).eval()(true[:, :1]).ab
    assert taught.abs().mean() > 3
    for share in (0.0, 0.25, 1.0):
        given = ["--teacher", teacher, "--teacher_share", share, "--cache_in_memory", "--overwrite_output_dir"]
        photos = train(*given).train_photos
        lab = color.rgb_to_lab(photos.batch(range(16))["rgb"].float() / 255)
        mixed = true[:, 1:] + share * (taught - true[:, 1:])
        assert (lab[:, :1] - true[:, :1]).abs().mean() < 0.3
        assert (lab[:, 1:] - mixed).abs().mean() < 0.6  # 8-bit RGB, ab in whole units, and colors clamped to sRGB


def test_a_teachers_colors_are_cached_for_other_runs_on_the_same_photos(train, teacher, monkeypatch):
    given = ["--teacher", teacher, "--cache_in_memory", "--overwrite_output_dir"]
    first = train(*given).train_photos.in_memory

    def fail(*_):
        raise AssertionError("computed again")

    monkeypatch.setattr(distillation, "_predict_colors", fail)
    assert torch.equal(train(*given).train_photos.in_memory, first)
    with pytest.raises(AssertionError, match="computed again"):
        train(*given, "--resolution", 24)


def test_damaged_cached_colors_are_computed_again(train, teacher, monkeypatch, tmp_path):
    monkeypatch.setattr(distillation, "cache_folder", lambda: tmp_path / "cache")
    given = ["--teacher", teacher, "--cache_in_memory", "--overwrite_output_dir", "--max_train_steps", "1"]
    first = train(*given).train_photos.in_memory
    [path] = (tmp_path / "cache").glob("taught-*.npy")
    whole = path.read_bytes()
    for damaged in (whole[:-9], whole[:50], b""):
        path.write_bytes(damaged)
        assert torch.equal(train(*given).train_photos.in_memory, first)
        assert path.read_bytes() == whole


def test_a_teacher_needs_photos_in_memory_and_a_share(train, teacher):
    with pytest.raises(ColorizerError, match="--cache_in_memory"):
        train("--teacher", teacher)
    with pytest.raises(ColorizerError, match=r"--teacher_share .*0…1.*1\.5"):
        train("--teacher", teacher, "--cache_in_memory", "--teacher_share", 1.5)


def test_a_run_resumes_with_its_own_teacher_only(train, teacher):
    given = ["--cache_in_memory", "--checkpointing_steps", 3]
    train(*given, "--teacher", teacher)
    with pytest.raises(ColorizerError, match="teacher"):
        train(*given, "--resume_from_checkpoint", "latest")
