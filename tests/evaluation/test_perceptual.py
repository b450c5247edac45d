import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics
from huggingface_hub import constants
from safetensors.torch import save, save_file
from scipy import linalg
from torch import Tensor, nn
from torchmetrics.functional.image import lpips as reference
from torchmetrics.image.fid import FrechetInceptionDistance

from colorizer.approaches import create_model
from colorizer.data import PhotoDataset
from colorizer.errors import CheckpointError
from colorizer.evaluation import perceptual
from colorizer.evaluation.evaluate import evaluate
from colorizer.evaluation.inception_v3 import InceptionV3
from colorizer.evaluation.perceptual import Lpips, Perception, frechet_distance, load_inception, load_lpips
from tests.hub_server import HubServer

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep downloads of one test from the next."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.fixture(scope="module")
def trunk() -> nn.Module:
    """Random VGG-16 whose features vary enough to show differences."""
    torch.manual_seed(0)
    return perceptual.Vgg16().requires_grad_(False)


@pytest.fixture(scope="module")
def heads() -> dict[str, Tensor]:
    """LPIPS heads from torchmetrics, under the names of the Hub's file."""
    file = Path(torchmetrics.__file__).parent / "functional" / "image" / "lpips_models" / "vgg.pth"
    published = torch.load(file, map_location="cpu", weights_only=True)
    return {f"{index}.weight": published[f"lin{index}.model.1.weight"] for index in range(5)}


def test_the_heads_are_the_file_of_the_hub(heads: dict[str, Tensor]):
    # Of vgg_lpips_linear.safetensors at HEADS_COMMIT.
    expected = "0c6387bf2e51e434dedbc0ca4c5894f605c415b8d128bfe720e13456eb4333ac"
    assert hashlib.sha256(save(heads)).hexdigest() == expected


def test_lpips_is_that_of_torchmetrics(
    trunk: nn.Module, heads: dict[str, Tensor], photos: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    # torchmetrics takes the trunk from torchvision, which isn't here.
    monkeypatch.setattr(reference, "_get_tv_model_features", lambda net, pretrained: trunk.features)
    expected = reference._LPIPS(net="vgg")
    lpips = Lpips().requires_grad_(False)
    lpips.trunk = trunk
    save_file(heads, tmp_path / "heads.safetensors")
    lpips.fill_heads(tmp_path / "heads.safetensors")
    first, second = photos[:, :, :64, :64], photos.roll(1, 0)[:, :, :64, :64]
    with torch.no_grad():
        distance = lpips(lpips.features(first), lpips.features(second))
        torch.testing.assert_close(distance, expected(first, second, normalize=True).flatten(), rtol=1e-4, atol=1e-7)
        assert distance.min() > 0.01
        assert not lpips(lpips.features(first), lpips.features(first)).any()


def test_lpips_takes_its_trunk_and_its_heads_from_the_hub(
    hub: HubServer, trunk: nn.Module, heads: dict[str, Tensor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    published = {name: tensor.half() for name, tensor in trunk.state_dict().items()}
    # The classifier is not needed, whatever it is.
    published |= {name: torch.zeros(1) for name in ("pre_logits.fc1.weight", "pre_logits.fc1.bias", "head.fc.weight")}
    hub.add(perceptual.VGG, {"config.json": b"{}", "model.safetensors": save(published)})
    note = Perception(CPU).notes[0]
    assert note.startswith("LPIPS is left out")
    assert "vivym/lpips" in note
    commit = hub.add(perceptual.HEADS, {perceptual.HEADS_FILE: save(heads)})
    monkeypatch.setattr(perceptual, "HEADS_COMMIT", commit)
    lpips = load_lpips(CPU)
    assert not lpips.training
    for name, tensor in lpips.trunk.state_dict().items():
        assert torch.equal(tensor, published[name].float()), name
    assert len(lpips.head_4) == 512
    assert (lpips.head_4 >= 0).all()
    assert lpips.head_4.max() > 0
    other = tmp_path / "other.safetensors"
    save_file({"0.weight": torch.ones(1, 3, 1, 1)}, other)
    with pytest.raises(CheckpointError, match="64 channels"):
        lpips.fill_heads(other)
    other.write_bytes(b"damaged")
    with pytest.raises(CheckpointError, match="damaged"):
        lpips.fill_heads(other)


def test_fid_takes_its_network_from_the_hub(hub: HubServer):
    torch.manual_seed(0)
    network = InceptionV3(width=1 / 16).eval()
    published = {**network.state_dict(), "fc.weight": torch.zeros(2, 2), "AuxLogits.conv0.conv.weight": torch.zeros(1)}
    hub.add(perceptual.INCEPTION, {"config.json": b"{}", "model.safetensors": save(published)})
    loaded = load_inception(CPU, width=1 / 16)
    photos = torch.rand(2, 3, 40, 40)
    with torch.no_grad():
        features = loaded(photos)
        assert features.shape == (2, network.num_features)
        assert torch.equal(features, network(photos))
        assert features.std() > 0

    del published["Mixed_7c.branch_pool.conv.weight"]
    hub.add(perceptual.INCEPTION, {"model.safetensors": save(published)})
    with pytest.raises(CheckpointError, match=r"lacks Mixed_7c\.branch_pool\.conv\.weight"):
        load_inception(CPU, width=1 / 16)


def test_the_whole_inception_has_the_published_size():
    with torch.device("meta"):
        network = InceptionV3()
    # torchvision's 27,161,264 without the two classifiers.
    assert sum(weight.numel() for weight in network.parameters()) == 21_785_568
    assert network.num_features == 2048
    shapes = {name: tuple(weight.shape) for name, weight in network.named_parameters()}
    assert shapes["Mixed_6b.branch7x7dbl_4.conv.weight"] == (128, 128, 7, 1)
    assert shapes["Mixed_7b.branch3x3dbl_3a.conv.weight"] == (384, 384, 1, 3)
    assert shapes["Mixed_6a.branch3x3.conv.weight"] == (384, 288, 3, 3)


@pytest.mark.parametrize("num_photos", [6, 60])
def test_the_frechet_distance_is_that_of_torchmetrics_and_of_the_roots_of_matrices(num_photos: int):
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(20, 20, generator=generator)
    first = torch.randn(num_photos, 20, generator=generator) @ mixing
    second = torch.randn(num_photos + 5, 20, generator=generator) @ mixing.flip(0) + 0.5
    fid = FrechetInceptionDistance(feature=_Identity(), normalize=True)
    fid.update(first, real=True)
    fid.update(second, real=False)
    distance = frechet_distance(first, second)
    assert distance == pytest.approx(float(fid.compute()), rel=1e-3)
    covariances = [np.cov(each.double().numpy().T) for each in (first, second)]
    if num_photos > 20:  # without full rank there is no such root
        root = linalg.sqrtm(covariances[0] @ covariances[1]).real
        shift = (first.mean(0) - second.mean(0)).square().sum()
        assert distance == pytest.approx(float(shift + np.trace(sum(covariances) - 2 * root)), rel=1e-4)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)


class _Identity(nn.Module):
    num_features = 20

    def forward(self, features: Tensor) -> Tensor:
        return features


def test_what_can_not_be_had_is_left_out_with_a_sentence(
    dataset: PhotoDataset, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr("colorizer.hub.download.WAITS", ())
    report = evaluate([], dataset, baselines=["gray"], perceptual=True)
    for note, metric, source in zip(
        report.notes[-2:], ("LPIPS", "FID"), ("timm/vgg16.tv_in1k", "timm/inception_v3.tf_in1k"), strict=True
    ):
        assert note.startswith(f"{metric} is left out")
        assert source in note
    assert "the connection to" in caplog.text, "why, for whoever runs it"
    assert not {"lpips", "fid"} & set(report.evaluations[0].means)


def test_what_can_be_had_is_measured_as_it_is_and_matched(dataset: PhotoDataset, monkeypatch: pytest.MonkeyPatch):
    torch.manual_seed(0)
    lpips, inception = Lpips(width=1 / 16).eval(), InceptionV3(width=1 / 8).eval()
    monkeypatch.setattr(perceptual, "load_lpips", lambda device, token: lpips)
    monkeypatch.setattr(perceptual, "load_inception", lambda device, token: inception)
    report = evaluate(
        [create_model("dense", width=1 / 64).eval()], dataset, baselines=["gray"], perceptual=True, batch_size=4
    )
    gray, dense = report.evaluations
    truth = dataset.batch(range(len(dataset)))["rgb"].float() / 255
    for scores in (gray, dense, dense.matched):
        assert scores.means["lpips"] > 0
        assert scores.means["fid"] > 0
        low, high = scores.intervals["lpips"]
        assert low <= scores.means["lpips"] <= high
        assert "fid" not in scores.intervals, "it is no mean over photos"
    assert dense.means["fid"] != dense.matched.means["fid"]
    perception = Perception(CPU)
    deep, features = perception.extract_features(truth)
    assert perception.notes == []
    assert not perception.compare(deep, deep)["lpips"].any()
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
