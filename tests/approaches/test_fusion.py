import copy
import json
from itertools import pairwise

import numpy as np
import pytest
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save
from transformers import AutoModel, ResNetConfig, ResNetForImageClassification

from colorizer import CheckpointError, ColorizerError, HubError, create_model, load_model, pipeline, save_checkpoint
from colorizer.approaches.blocks.classifier import INCEPTION
from colorizer.hub.loading import fill_pretrained_parts
from colorizer.photos.color import lightness_to_gray, rgb_to_lab

REPOSITORY = "someone/tiny-classifier"


def published(**changes: torch.Tensor) -> dict[str, bytes]:
    """Repository with an image classifier from transformers: five classes, photos of 40 pixels."""
    torch.manual_seed(7)
    config = ResNetConfig(
        embedding_size=4, hidden_sizes=[4, 6], depths=[1, 1], layer_type="basic", num_labels=5, architectures=["X"]
    )
    preprocessor = {"size": {"shortest_edge": 40}, "image_mean": [0.4, 0.5, 0.6], "image_std": [0.2, 0.3, 0.4]}
    tensors = ResNetForImageClassification(config).state_dict() | changes
    return {
        "config.json": json.dumps(config.to_dict()).encode(),
        "preprocessor_config.json": json.dumps(preprocessor).encode(),
        "model.safetensors": save({name: tensor.contiguous() for name, tensor in tensors.items()}),
    }


@pytest.fixture
def folder(tmp_path):
    """Folder with the repository's files."""
    path = tmp_path / "tiny-classifier"
    path.mkdir()
    for name, content in published().items():
        (path / name).write_bytes(content)
    return path


def small(**fields):
    torch.manual_seed(0)
    return create_model("fusion", **({"width": 1 / 16, "resolution": 32} | fields))


def test_parameters_of_the_full_network_by_hand():
    with torch.device("meta"):
        model = create_model("fusion")
    channels = [1, 64, 128, 128, 256, 256, 512, 512, 256]
    encoder = sum(9 * into * out + out for into, out in pairwise(channels))
    fusion = (256 + 1000) * 256 + 256
    channels = [256, 128, 64, 32, 16, 2]
    decoder = sum(9 * into * out + out for into, out in pairwise(channels))
    assert encoder + fusion + decoder == 6_541_202
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    assert trained == encoder + fusion + decoder
    assert model.num_parameters() == trained + 55_843_464
    assert (model.config.classifier, model.config.embeds_classifier) == (INCEPTION, False)
    assert [stride.stride for stride in model.encoder if hasattr(stride, "stride")] == [
        *((2, 2), (1, 1), (2, 2), (1, 1), (2, 2), (1, 1), (1, 1), (1, 1))
    ]


def test_its_recipe_is_the_papers():
    recipe = small().recipe
    assert (recipe.optimizer, recipe.learning_rate, recipe.lr_scheduler) == ("rmsprop", 1e-3, "plateau")
    assert (recipe.plateau_patience, recipe.plateau_factor) == (5, 0.1)
    assert (recipe.early_stopping_patience, recipe.early_stopping_min_delta) == (15, 1e-5)
    assert (recipe.rotation, recipe.zoom, recipe.flip) == (20.0, 0.2, True)
    assert np.radians(recipe.shear) == pytest.approx(0.2, rel=1e-3)


def test_biases_start_from_a_truncated_normal():
    model = create_model("fusion", width=1 / 2, classifier_resolution=75)
    biases = torch.cat([module.bias for module in model.encoder if hasattr(module, "bias")])
    assert biases.std().item() == pytest.approx(0.05, rel=0.1)
    assert biases.abs().max() < 4.5 * 0.05


def test_photos_of_odd_sizes_come_back_colored():
    colorize = pipeline(small(), device="cpu", return_dict=True)
    for size in ((33, 65), (301, 97), (7, 7)):
        result = colorize(Image.new("L", size, 99))
        assert result.image.size == size
        assert result.scenes is None


def test_the_classifier_sees_the_gray_photo_at_its_size_and_its_scores_stand_at_every_place():
    model = small().eval()
    lightness = torch.rand(2, 1, 40, 72) * 100
    seen = []
    model.classifier.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    model.fuse.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        output = model(lightness)
        scores = model.frozen_features(lightness)
    assert output.prediction.shape == (2, 2, 40, 72)
    assert output.prediction.abs().max() <= 1
    photo, fused = seen[:2]
    assert photo.shape == (2, 3, 299, 299)
    assert -1 <= photo.min() < photo.max() <= 1
    assert torch.equal(photo[:, 0], photo[:, 2])
    gray = torch.nn.functional.interpolate(lightness_to_gray(lightness), (299, 299), mode="bilinear", antialias=True)
    assert torch.allclose(photo[:, :1], 2 * gray - 1, atol=1e-5)
    # 256 features of the encoder at an eighth of the size, then the scores, the same at all places.
    assert fused.shape == (2, 16 + 1000, 5, 9)
    assert torch.equal(fused[:, 16:], scores[:, :, None, None].expand(-1, -1, 5, 9))
    assert not torch.equal(scores[0], scores[1])


def test_the_objective_is_the_squared_error_on_ab_by_128():
    model = small()
    rgb = torch.rand(2, 3, 32, 32)
    lightness, target = model.space.split(rgb)
    (player,) = model.objective.players(model, model.space, lambda: [rgb])
    with torch.autocast("cpu", torch.bfloat16):
        output = model(lightness, decode=False)
        loss, _ = player.loss(model.step_inputs(output, lightness, target))
    ab = rgb_to_lab(rgb)[:, 1:].double().numpy() / 128
    predicted = output.prediction.detach().double().numpy()
    squares = [(predicted[place] - ab[place]) ** 2 for place in np.ndindex(ab.shape)]
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(sum(squares) / len(squares), rel=1e-4)


def test_known_scores_color_alike_and_other_scores_otherwise():
    model = small().eval()
    lightness = torch.rand(2, 1, 32, 32) * 100
    with torch.no_grad():
        scores = model.frozen_features(lightness)
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(model.frozen_features(lightness), scores)
        assert torch.equal(model(lightness, features=scores).ab, model(lightness).ab)
        assert not torch.equal(model(lightness, features=scores + 1).ab, model(lightness).ab)


def test_the_classifier_is_neither_trained_nor_changed():
    model = small()
    before = copy.deepcopy(model.classifier.state_dict())
    optimizer = torch.optim.AdamW([weight for weight in model.parameters() if weight.requires_grad], 0.1)
    for _ in range(2):
        model.train()(torch.rand(2, 1, 32, 32) * 100).ab.mean().backward()
        optimizer.step()
    assert not model.classifier.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.classifier.state_dict().items())


def test_a_loaded_classifier_is_frozen_still(tmp_path):
    save_checkpoint(small(), tmp_path)
    for model in (load_model(tmp_path), AutoModel.from_pretrained(tmp_path)):
        assert not any(weight.requires_grad for weight in model.train().classifier.parameters())
        assert all(weight.requires_grad for weight in model.encoder.parameters())


def test_a_classifier_of_a_folder_is_carried_by_the_checkpoint(folder, tmp_path):
    model = small(classifier=str(folder))
    assert fill_pretrained_parts(model) == []
    config = model.config
    assert (config.classifier_resolution, config.classifier_mean) == (40, (0.4, 0.5, 0.6))
    assert model.fuse.weight.shape == (16, 16 + 5, 1, 1)
    expected = load_file(folder / "model.safetensors")
    assert all(torch.equal(tensor, expected[name]) for name, tensor in model.classifier.state_dict().items())
    lightness = torch.rand(1, 1, 32, 32) * 100
    gray = torch.nn.functional.interpolate(lightness_to_gray(lightness), (40, 40), mode="bilinear", antialias=True)
    mean, std = (torch.tensor(levels).view(3, 1, 1) for levels in ((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)))
    photo = (gray - mean) / std
    with torch.no_grad():
        assert torch.allclose(model.frozen_features(lightness), model.classifier(photo).logits, atol=1e-5)

    save_checkpoint(model, tmp_path / "checkpoint", dtype=torch.float32)
    # Nothing in it says where the folder was, and it is not needed any more.
    assert str(tmp_path) not in (tmp_path / "checkpoint/config.json").read_text()
    folder.rename(tmp_path / "elsewhere")
    loaded = load_model(tmp_path / "checkpoint")
    assert loaded.config.classifier == "tiny-classifier"
    with torch.no_grad():
        assert torch.allclose(loaded(lightness).ab, model.eval()(lightness).ab, atol=1e-3)
    save_checkpoint(loaded, tmp_path / "again")
    assert load_model(tmp_path / "again").config.embeds_classifier


def test_given_fields_go_over_what_the_folder_says(folder):
    config = small(classifier=str(folder), classifier_resolution=64, classifier_std=[1, 1, 1]).config
    assert (config.classifier_resolution, config.classifier_std) == (64, (1.0, 1.0, 1.0))
    assert config.classifier_mean == (0.4, 0.5, 0.6)


def test_a_classifier_of_the_hub_is_left_to_it(hub, tmp_path):
    hub.add(REPOSITORY, published())
    model = small(classifier=REPOSITORY)
    assert fill_pretrained_parts(model) == []
    save_checkpoint(model, tmp_path / "without", dtype=torch.float32)
    names = set(load_file(tmp_path / "without/model.safetensors"))
    assert names == {name for name in model.state_dict() if not name.startswith("classifier.")}
    saved = json.loads((tmp_path / "without/config.json").read_text())
    assert (saved["classifier"], saved["classifier_revision"]) == (REPOSITORY, "main")
    loaded = load_model(tmp_path / "without")
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name]), name
    assert not any(weight.requires_grad for weight in loaded.classifier.parameters())

    colorize = transformers.pipeline("image-colorization", model=str(tmp_path / "without"), device="cpu")
    assert torch.equal(colorize.model.fuse.weight.float(), model.fuse.weight)
    assert torch.equal(
        colorize.model.classifier.state_dict()["classifier.1.weight"], model.classifier.classifier[1].weight
    )
    assert colorize(Image.new("L", (20, 20), 90)).size == (20, 20)

    # Strict as any other: a tensor too many, or another classifier on the Hub than was trained with, is refused.
    weights = tmp_path / "without/model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(save(load_file(weights) | {"encoder.0.extra": torch.zeros(1)}))
    with pytest.raises(CheckpointError, match=r"left over encoder\.0\.extra"):
        load_model(tmp_path / "without")
    weights.write_bytes(whole)
    hub.add(REPOSITORY, published(**{"classifier.1.weight": torch.zeros(5, 9)}))
    with pytest.raises(CheckpointError, match=r"tiny-classifier has the wrong shape for classifier\.1\.weight"):
        load_model(tmp_path / "without")

    # transformers alone does not know where to look: no colors rather than those of a classifier at random.
    bare = AutoModel.from_pretrained(tmp_path / "without")
    with pytest.raises(ColorizerError, match="leaves the weights of someone/tiny-classifier to the Hub"):
        bare(torch.zeros(1, 1, 32, 32))


def test_a_checkpoint_can_carry_a_classifier_of_the_hub(hub, tmp_path):
    hub.add(REPOSITORY, published())
    model = small(classifier=REPOSITORY, embeds_classifier=True)
    fill_pretrained_parts(model)
    save_checkpoint(model, tmp_path, dtype=torch.float32)
    hub.stop()
    loaded = load_model(tmp_path)
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in loaded.state_dict().items())


def test_without_the_hub_the_paper_s_classifier_stays_at_random_and_is_carried(monkeypatch):
    def away(*arguments, **options):
        raise HubError("The Hub is away.")

    monkeypatch.setattr("colorizer.hub.loading.download_checkpoint", away)
    with torch.device("meta"):
        model = create_model("fusion")
    (message,) = fill_pretrained_parts(model)
    assert message == f"fusion starts from random weights instead of {INCEPTION}: The Hub is away."
    assert model.config.embeds_classifier
    assert model.left_out_parts == []


def test_other_widths_have_a_small_classifier_of_their_own_unless_one_is_named():
    model = small()
    assert (model.config.classifier, model.config.embeds_classifier, model.pretrained_parts) == ("", True, [])
    assert sum(weight.numel() for weight in model.classifier.parameters()) < 200_000
    with torch.device("meta"):
        named = small(classifier=INCEPTION)
    assert sum(weight.numel() for weight in named.classifier.parameters()) == 55_843_464
    assert [(part.source, part.revision) for part in named.left_out_parts] == [(INCEPTION, "main")]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"classifier_resolution": 20}, "classifier_resolution must be 32…1024"),
        ({"classifier_std": [0.5, 0.5, 0]}, "classifier_mean and classifier_std"),
        ({"classifier_mean": [0.5]}, "classifier_mean and classifier_std"),
        ({"classifier_mean": ["a"]}, "classifier_mean must be a list of numbers"),
        ({"classifier_mean": [0.5], "classifier_std": [0.5]}, "photos with 3 channels, but classifier_mean has 1"),
        ({"classifier_config": "{}"}, r"built from its description .\{\}"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(ColorizerError, match=message):
        small(**fields)
