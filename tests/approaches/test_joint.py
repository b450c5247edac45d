import json
import math

import numpy as np
import pytest
import torch
from PIL import Image

from colorizer import ColorizerError, create_model, load_model, pipeline, save_checkpoint
from colorizer.approaches.joint import SCENE_DECAY
from colorizer.photos.color import rgb_to_lab

SCENES = ("beach", "forest", "harbor, at night")


def small(**fields):
    """Build a narrow network with three scenes, for photos of 32 pixels."""
    torch.manual_seed(0)
    return create_model("joint", **({"width": 1 / 16, "resolution": 32, "scenes": SCENES} | fields))


def taught():
    """Build one that was trained on photos of the first two scenes."""
    model = small().train()
    with torch.no_grad():
        features = model(torch.rand(6, 1, 32, 32) * 100).global_features
    model.learn_scenes(features, torch.tensor([0, 1, 0, 1, -1, 0]))
    return model.eval(), features


def make_inputs(model, rgb, labels):
    lightness, target = model.space.split(rgb)
    return model.step_inputs(model(lightness, decode=False), lightness, target, labels)


def test_parameters_of_the_full_network_by_hand():
    with torch.device("meta"):
        model, unlabeled = create_model("joint", scenes=[f"scene {i}" for i in range(205)]), create_model("joint")
    # Table 1 of the paper: low-level, mid-level, global and colorization convolutions, without a bias before batch norm.
    channels = [
        *((1, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512)),
        *((512, 512), (512, 256)),
        *((512, 512), (512, 512), (512, 512), (512, 512)),
        *((256, 128), (128, 64), (64, 64), (64, 32)),
    ]
    convolutions = sum(9 * into * out + 2 * out for into, out in channels) + 32 * 9 * 2 + 2
    fusion = 512 * 256 + 2 * 256
    dense = sum(into * out + 2 * out for into, out in ((7 * 7 * 512, 1024), (1024, 512), (512, 256)))
    classifier = 512 * 256 + 2 * 256 + 256 * 205 + 205
    assert unlabeled.num_parameters() == convolutions + fusion + dense == 42_176_322
    assert model.num_parameters() == unlabeled.num_parameters() + classifier


def test_the_shapes_are_those_of_the_paper():
    model = small().eval()
    seen = {}
    for name in ("low_level", "mid_level", "global_level", "summarize", "fuse", "classifier"):
        module = getattr(model, name)
        module.register_forward_hook(
            lambda _, given, out, name=name: seen.setdefault(name, []).append(tuple(out.shape))
        )
    output = model(torch.rand(2, 1, 40, 72) * 100)
    assert output.prediction.shape == (2, 2, 40, 72)
    assert 0 < output.prediction.min() < output.prediction.max() < 1
    assert output.scene_logits.shape == (2, 3)
    assert output.global_features.shape == (2, 16)
    # Shared weights, once on the photo and once on the photo at the global path's size.
    assert seen["low_level"] == [(2, 32, 5, 9), (2, 32, 4, 4)]
    assert (seen["mid_level"], seen["fuse"]) == ([(2, 16, 5, 9)], [(2, 16, 5, 9)])
    assert (seen["global_level"], seen["summarize"]) == ([(2, 32)], [(2, 16)])
    seen.clear()
    model(torch.rand(2, 1, 32, 32) * 100)
    assert seen["low_level"] == [(2, 32, 4, 4)]


def test_photos_of_odd_sizes_come_back_colored():
    colorize = pipeline(small(), device="cpu", return_dict=True)
    for size in ((33, 65), (301, 97), (7, 7)):
        assert colorize(Image.new("L", size, 99)).image.size == size


@torch.no_grad()
def test_the_global_path_may_keep_its_size_while_photos_are_larger():
    trained = small().eval()
    larger = small(resolution=64, global_resolution=32).eval()
    larger.load_state_dict(trained.state_dict())
    lightness = 100 * torch.rand(2, 1, 64, 64)
    torch.testing.assert_close(larger(lightness).ab, trained(lightness).ab)
    with pytest.raises(ColorizerError, match="global_resolution must be a multiple of 32, not 40"):
        small(global_resolution=40)


def test_every_color_of_srgb_fits_into_the_sigmoids_range():
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3).T.reshape(1, 3, 1, 8)
    _, target = small().space.split(corners)
    assert 0 < target.min() < 0.05
    assert 0.9 < target.max() < 1


@pytest.mark.parametrize("labels", [[0, 2, 1, 1], [2, -1, -1, 0], [-1, -1, -1, -1]])
def test_the_objective_equals_the_slow_one(labels):
    model = small(alpha=0.25)
    rgb = torch.rand(4, 3, 32, 32)
    inputs = make_inputs(model.train(), rgb, torch.tensor(labels))
    predicted, logits = (tensor.detach().double().numpy() for tensor in (inputs.prediction, inputs.scene_logits))
    ab = (rgb_to_lab(rgb)[:, 1:].double() / 220 + 0.5).numpy()
    total, cross_entropies = 0.0, []
    for photo, label in enumerate(labels):
        squares = [(predicted[photo, c, y, x] - ab[photo, c, y, x]) ** 2 for c, y, x in np.ndindex(2, 32, 32)]
        total += sum(squares) / len(squares)
        if label >= 0:
            shares = [math.exp(logit) for logit in logits[photo]]
            cross_entropies.append(-math.log(shares[label] / sum(shares)))
    (player,) = model.objective.players(model, model.space, list)
    loss, parts = player.loss(inputs)
    assert player.note == ""
    assert parts["mse"].item() == pytest.approx(total / 4, rel=1e-4)
    assert parts["scene"].item() == pytest.approx(sum(cross_entropies) / 4, rel=1e-4)
    assert loss.item() == pytest.approx((total + 0.25 * sum(cross_entropies)) / 4, rel=1e-4)
    assert model.objective.validate(inputs).item() == pytest.approx(loss.item(), rel=1e-6)
    loss.backward()
    # Distributed training waits for the gradient of every weight, also where a process has no labeled photo.
    assert all(weight.grad is not None for weight in model.parameters())


def test_its_defaults_are_the_papers():
    model = create_model("joint", width=1 / 16)
    assert model.global_side == 224
    assert model.objective.alpha == pytest.approx(1 / 300)
    assert (model.config.resolution, model.recipe.optimizer, model.recipe.train_batch_size) == (224, "adadelta", 128)


def test_a_batch_shared_out_over_processes_has_the_same_mean_loss():
    model = small().eval()
    rgb, labels = torch.rand(6, 3, 32, 32), torch.tensor([0, 1, 2, -1, -1, -1])
    whole = model.objective.validate(make_inputs(model, rgb, labels))
    halves = [model.objective.validate(make_inputs(model, rgb[half], labels[half])) for half in ([0, 1, 3], [2, 4, 5])]
    assert whole.item() == pytest.approx(sum(half.item() for half in halves) / 2, rel=1e-5)


def test_losses_stay_in_float32_under_mixed_precision():
    model = small()
    (player,) = model.objective.players(model, model.space, list)
    with torch.autocast("cpu", torch.bfloat16):
        inputs = make_inputs(model, torch.rand(2, 3, 64, 64), torch.tensor([0, -1]))
        assert inputs.scene_logits.dtype == torch.bfloat16
        loss, parts = player.loss(inputs)
    assert {tensor.dtype for tensor in (loss, *parts.values(), model.scene_sums)} == {torch.float32}


def test_without_labels_the_second_term_drops_out_and_the_log_says_so():
    model = small(scenes=())
    assert model.classifier is None
    (player,) = model.objective.players(model, model.space, list)
    assert player.note == "The photos have no labels: training without the classification term."
    inputs = make_inputs(model, torch.rand(2, 3, 32, 32), torch.tensor([-1, -1]))
    loss, parts = player.loss(inputs)
    assert parts == {}
    assert loss.item() == pytest.approx(torch.nn.functional.mse_loss(inputs.prediction, inputs.target).item())
    assert type(model).fields_for([]) == {}
    assert type(model).fields_for(["a", "b"]) == {"scenes": ("a", "b")}


def test_one_photo_alone_can_not_be_trained_on():
    with pytest.raises(ColorizerError, match="train_batch_size"):
        small().train()(torch.rand(1, 1, 32, 32) * 100)


def test_a_scenes_style_is_the_mean_of_its_latest_photos():
    model = small()
    generator = torch.Generator().manual_seed(3)
    seen = {scene: [] for scene in range(3)}
    for _ in range(5):
        features = torch.rand(7, 16, generator=generator)
        labels = torch.randint(-1, 2, (7,), generator=generator)
        model.learn_scenes(features, labels)
        for scene in range(2):
            batch = features[labels == scene]
            seen[scene].append((batch.double().mean(0) if len(batch) else None, len(batch)))
    for scene in range(2):
        total, weight = torch.zeros(16, dtype=torch.float64), 0.0
        for mean, count in seen[scene]:
            if count:
                kept = SCENE_DECAY**count
                total, weight = kept * total + (1 - kept) * mean, kept * weight + 1 - kept
        assert torch.allclose(model.scene_features(SCENES[scene]).double(), total / weight, atol=1e-5)
    with pytest.raises(ColorizerError, match="trained on no photo of the scene 'harbor, at night'"):
        model.scene_features("harbor, at night")


def test_training_teaches_the_styles_and_unlabeled_photos_do_not():
    model = small()
    (player,) = model.objective.players(model, model.space, list)
    inputs = make_inputs(model.train(), torch.rand(4, 3, 32, 32), torch.tensor([1, -1, 1, -1]))
    player.loss(inputs)
    assert torch.allclose(model.scene_features("forest"), inputs.global_features[[0, 2]].mean(0), atol=1e-5)
    assert model.scene_weights.count_nonzero() == 1
    assert not model.scene_sums.requires_grad


def test_a_photo_is_colored_in_a_scenes_style():
    model, features = taught()
    lightness = torch.rand(2, 1, 32, 32) * 100
    own = model(lightness)
    beach, forest = (model(lightness, scene=scene) for scene in ("beach", "forest"))
    assert not torch.allclose(own.ab, beach.ab, atol=0.01)
    assert not torch.allclose(forest.ab, beach.ab, atol=0.01)
    # What the photo is, and what it is taken for, stay apart.
    assert torch.equal(own.scene_logits, beach.scene_logits)
    # A photo with the mean's own global features would get these very colors.
    model.summarize.register_forward_hook(lambda *_: features[[0, 2, 5]].mean(0).expand(2, -1))
    assert torch.allclose(model(lightness).ab, beach.ab, atol=1e-3)


def test_the_style_survives_saving_in_half_precision(tmp_path):
    model, _ = taught()
    save_checkpoint(model, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["scenes"] == list(SCENES)
    loaded = load_model(tmp_path)
    assert loaded.scenes == SCENES
    assert torch.allclose(loaded.scene_features("beach"), model.scene_features("beach"), rtol=0.01, atol=1e-3)


def test_the_pipeline_tells_the_scene_and_takes_one():
    model, _ = taught()
    colorize = pipeline(model, device="cpu")
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 40), dtype=np.uint8))
    own, beach, forest = (colorize(photo, return_dict=True, scene=scene) for scene in (None, "beach", "forest"))
    assert list(own.scenes) == sorted(SCENES, key=lambda scene: -own.scenes[scene])
    assert sum(own.scenes.values()) == pytest.approx(1)
    with torch.no_grad():
        logits = model(colorize.preprocess(photo)["work"].lightness[None]).scene_logits[0]
    assert [own.scenes[scene] for scene in SCENES] == pytest.approx(logits.softmax(0).tolist(), rel=1e-3)
    assert own.scenes == pytest.approx(beach.scenes)
    assert not torch.equal(beach.ab, forest.ab)
    assert torch.equal(pipeline(model, device="cpu", scene="beach")(photo, return_dict=True).ab, beach.ab)
    for wrong in ("Beach", 3):
        with pytest.raises(ColorizerError, match=r"joint has no scene .*: there are beach, forest, harbor, at night"):
            colorize(photo, scene=wrong)
    assert pipeline(small(scenes=()), device="cpu")(photo, return_dict=True).scenes is None
    with pytest.raises(ColorizerError, match="joint has no scene 'beach': this checkpoint has none"):
        pipeline(small(scenes=()), device="cpu", scene="beach")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"scenes": "beach"}, "scenes must be a list of names, not 'beach'"),
        ({"scenes": ["beach", 3]}, "list of names"),
        ({"scenes": ["beach", "beach"]}, "scenes must have distinct names"),
    ],
)
def test_fields_that_do_not_fit_are_refused(fields, message):
    with pytest.raises(ColorizerError, match=message):
        small(**fields)
