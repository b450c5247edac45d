import inspect
import json
from dataclasses import fields

import pytest

from colorizer import ColorizerError
from colorizer.approaches import get_model_class, list_approaches
from colorizer.data import augment
from colorizer.training.arguments import SCORES, TrainingArguments
from tests.training.conftest import parse_arguments

REQUIRED = ["--dataset_name", "data", "--output_dir", "run"]
GRAYEST = {
    "validation_loss": 0.1,
    "validation_psnr": 23.0,
    "validation_psnr_hinted": 25.0,
    "validation_ciede2000": 10.0,
    "validation_auc": 90.0,
    "validation_colorfulness_difference": 35.0,
}
VIVID = {
    "validation_loss": 0.2,
    "validation_psnr": 22.0,
    "validation_psnr_hinted": 24.0,
    "validation_ciede2000": 12.0,
    "validation_auc": 89.0,
    "validation_colorfulness_difference": 15.0,
}


@pytest.mark.parametrize("approach", list_approaches(own=True))
def test_defaults_are_the_approachs_recipe(approach):
    arguments = parse_arguments(["--approach", approach, *REQUIRED])
    recipe = vars(get_model_class(approach).recipe)
    assert {name: getattr(arguments, name) for name in recipe} == recipe
    assert arguments.model_fields["width"] == 1.0


def test_augment_gets_everything_it_takes():
    arguments = parse_arguments(["--approach", "dense", *REQUIRED, "--contrast", "0.5", "--rotation", "20"])
    takes = {name: item.default for name, item in inspect.signature(augment).parameters.items()}
    expected = {name: default for name, default in takes.items() if default is not inspect.Parameter.empty}
    assert arguments.augmentation == expected | {"contrast": 0.5, "rotation": 20}


def test_the_command_line_goes_over_yaml_and_yaml_over_the_recipe(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(
        "approach: pix2pix\ndataset_name: data\noutput_dir: run\nlearning_rate: 1e-3\nwidth: 0.5\nflip: false\n"
    )
    arguments = parse_arguments(["--config", str(config), "--width", "0.25"])
    assert (arguments.approach, arguments.learning_rate, arguments.flip) == ("pix2pix", 1e-3, False)
    assert arguments.model_fields["width"] == 0.25
    assert arguments.adam_beta1 == 0.5


def test_names_come_as_words_or_as_a_list_in_yaml(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("scenes:\n  - beach\n  - 1984\n")
    given = ["--approach", "joint", *REQUIRED]
    assert parse_arguments(given).model_fields["scenes"] == []
    assert parse_arguments([*given, "--scenes", "beach", "at sea"]).model_fields["scenes"] == ["beach", "at sea"]
    assert parse_arguments([*given, "--config", str(config)]).model_fields["scenes"] == ["beach", "1984"]


def test_numbers_come_as_words_or_as_a_list_in_yaml(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("view_scales: [1, 1.25]\n")
    given = ["--approach", "lite_unet", *REQUIRED]
    for words in (["--view_scales", "1", "1.25"], ["--config", str(config)]):
        assert parse_arguments([*given, *words]).model_fields["view_scales"] == [1.0, 1.25]
    config.write_text("view_scales: [1, large]\n")
    with pytest.raises(ColorizerError, match=r"view_scales .*large"):
        parse_arguments([*given, "--config", str(config)])


@pytest.mark.parametrize(
    ("content", "message"),
    [("depth: 3", r"config\.yaml.*depth"), ("- 1", r"config\.yaml.*name: value"), ("a: [", r"--config .*config\.yaml")],
)
def test_a_bad_yaml_file_is_named(content, message, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text(content)
    with pytest.raises(ColorizerError, match=message):
        parse_arguments(["--config", str(config), "--approach", "dense", *REQUIRED])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--train_batch_size", "0"], r"--train_batch_size .*1, not 0"),
        (["--max_train_steps", "0"], r"--max_train_steps .*1, not 0"),
        (["--learning_rate", "-1"], "--learning_rate .*-1"),
        (["--ema_decay", "1"], "--ema_decay"),
        (["--age", "1.5"], "--age .*0…1"),
        (["--hint_share", "-0.5"], "--hint_share .*0…1"),
        (["--validation_share", "0"], "--validation_share .*0…1"),
        (["--min_scale", "nan"], "0 < min_scale ≤ max_scale ≤ 1, not nan and 1.0"),
        (["--max_scale", "2"], "not 1.0 and 2.0"),
        *(([f"--{name}", "nan"], f"--{name} .* not nan") for name in ("rotation", "shear", "zoom", "contrast")),
        *(([f"--{name}", "nan"], f"--{name} .* not nan") for name in ("min_colorfulness", "learning_rate")),
        (["--adam_beta1", "1"], "--adam_beta1 .*1 excluded, not 1.0"),
        (["--seed", "-1"], r"--seed .*0…4294967295, not -1"),
        (["--seed", str(2**64)], "--seed"),
        (["--learning_rate", "1e300"], "--learning_rate .*1000"),
        (["--gradient_accumulation_steps", str(10**20)], "--gradient_accumulation_steps"),
        (["--max_train_samples", "0"], "--max_train_samples"),
        (["--stored_resolution", "0"], "--stored_resolution"),
        (["--mixed_precision", "fp8"], "--mixed_precision must be one of no, fp16, bf16, not fp8"),
        (["--train_split", "val"], "--train_split val is also the validation split"),
    ],
)
def test_values_out_of_range_are_refused(words, message):
    with pytest.raises(ColorizerError, match=message):
        parse_arguments(["--approach", "dense", *REQUIRED, *words])


def test_help_shows_the_networks_own_fields(capsys):
    with pytest.raises(SystemExit):
        parse_arguments(["--approach", "colorful", "--help"])
    shown = capsys.readouterr().out
    assert "--temperature" in shown
    assert "(default: 0.02)" in shown
    assert "(default: None)" not in shown


def test_help_says_what_every_argument_is():
    for item in fields(TrainingArguments):
        assert item.name == "model_fields" or len(item.metadata["help"].split()) > 1, item.name


@pytest.mark.parametrize("metric", SCORES)
def test_accuracy_picks_the_grayest_and_balance_does_not(metric):
    score = SCORES[metric]
    is_vivid_better = score(VIVID, 200) < score(GRAYEST, 100)
    assert is_vivid_better == (metric in ("balance", "last"))


def test_a_run_publishes_what_its_metric_says(train, tmp_path):
    # At this learning rate the loss rises, and the first weights are the best.
    run = ["--approach", "dense", "--max_train_steps", "6", "--validation_steps", "2", "--learning_rate", "0.1"]
    run += ["--width", "0.0625", "--train_batch_size", "8", "--ema_decay", "0"]
    for metric, folder in (("loss", "by-loss"), ("last", "last")):
        trainer = train(*run, "--metric_for_best_model", metric, "--output_dir", str(tmp_path / folder))
        losses = [record["validation_loss"] for record in trainer.progress.history if "validation_loss" in record]
        best = losses.index(min(losses)) if metric == "loss" else len(losses) - 1
        assert trainer.progress.best_step == 2 * (best + 1)
        training = json.loads((tmp_path / folder / "training.json").read_text(encoding="utf-8"))
        assert training["metrics"]["validation_loss"] == pytest.approx(losses[best])
    assert losses[-1] > min(losses)


def test_an_unknown_metric_is_refused(train):
    with pytest.raises(ColorizerError, match=r"loss, psnr, psnr_hinted, ciede2000, auc, balance, last, .*beauty"):
        train("--approach", "dense", "--metric_for_best_model", "beauty")
