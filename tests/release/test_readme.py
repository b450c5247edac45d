import ast
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from colorizer.checkpoints import EVALUATION
from colorizer.evaluation.report_sections import all_tables
from colorizer.evaluation.results import read_results
from colorizer.release.readme_tables import approaches_table, replace_section, results_table
from tests.approaches import test_contract, test_contract_checkpoints
from tests.approaches.adding import added_approach

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_its_tables_are_what_the_code_and_the_measurements_say():
    assert replace_section(README, "approaches", approaches_table()) == README
    results = results_table(json.loads(EVALUATION.read_text(encoding="utf-8")))
    assert replace_section(README, "results", results) == README


def test_the_whole_comparison_is_what_the_measurements_say():
    assert (REPOSITORY / "model_cards/comparison.md").read_text(encoding="utf-8") == all_tables(
        read_results(EVALUATION)
    )


def test_it_is_a_card_that_a_space_takes():
    _, front, _ = README.split("---\n", 2)
    card = yaml.safe_load(front)
    assert card["sdk"] == "gradio"
    assert len(card["short_description"]) <= 60
    assert (REPOSITORY / card["app_file"]).is_file()
    requirements = (REPOSITORY / "requirements.txt").read_text(encoding="utf-8")
    (lowest,) = re.findall(r"gradio>=([\d.]+)", requirements)
    assert card["sdk_version"].startswith(lowest)


def test_a_results_table_has_each_checkpoint_twice():
    def measured(value: float) -> dict:
        return {"psnr": {"mean": value, "low": value, "high": value}}

    evaluation = {
        "models": {"gray": measured(22.0), "mine": measured(23.456)},
        "matched": {"mine": {"gain": 1.5, "metrics": measured(21.0)}},
    }
    assert [row.split("|")[1:3] for row in results_table(evaluation).splitlines()[2:]] == [
        [" gray ", " 22.00 "],
        [" mine ", " 23.46 "],
        [" mine × 1.50 ", " 21.00 "],
    ]


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", README, re.DOTALL))
def test_its_python_is_python(block):
    ast.parse(block)


def test_what_it_links_to_is_there():
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (REPOSITORY / target).exists(), target


def test_its_example_of_an_approach_keeps_the_contract(tmp_path):
    (source,) = re.findall(r"<!-- example.*?-->\n```python\n(.*?)```", README, re.DOTALL)
    module = ModuleType("colorizer.approaches.mine")
    exec(source, module.__dict__)
    with added_approach("mine", "Mine", module):
        test_contract.test_it_names_itself_and_its_source("mine")
        test_contract.test_gradients_reach_every_trainable_weight("mine")
        test_contract.test_the_loss_falls_on_one_batch("mine")
        test_contract_checkpoints.test_saved_and_loaded_weights_are_bit_equal("mine", tmp_path)
