"""The design's rules, read from the source: what may import what, and how long a file may be."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "colorizer"
SOURCES = sorted(PACKAGE.rglob("*.py"))

# Layers from the bottom; a module may import its own layer and those below.
LAYERS = (
    {"errors", "color", "bins", "losses", "recipe", "checks", "files", "records", "checkpoints"},
    {
        "luminance",
        "pixels",
        "photo",
        "images",
        "merging",
        "adjusting",
        "grading",
        "saving",
        "spaces",
        "objectives",
        "nn",
        "strictness",
    },
    {"configuration", "parts", "modeling"},
    {"approaches", "sampling", "hints", "propagation"},
    {"hub", "loading", "answers", "call_options", "pipelines", "data"},
    {"cards", "publishing", "overview", "packaging", "video"},
    {"evaluation"},
    {"training", "demo", "commands", "pictures", "help_texts", "cli", "__main__"},
)
# Libraries that only these parts may import.
RESERVED = {
    "accelerate": {"training", "evaluation", "commands"},
    "tensorboard": {"training", "evaluation"},
    "matplotlib": {"training", "evaluation"},
    "gradio": {"demo"},
    "datasets": {"data"},
    "av": {"video"},
}


def part(module: str) -> str:
    """colorizer.nn.unet -> nn"""
    return module.split(".")[1] if "." in module else "__init__"


def imports(source: Path) -> list[str]:
    modules = []
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.module == "colorizer":
                modules += [f"colorizer.{alias.name}" for alias in node.names]
            else:
                modules.append(node.module or "")
    return modules


def layer(name: str) -> int:
    (number,) = [number for number, names in enumerate(LAYERS) if name in names]
    return number


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(PACKAGE)))
def test_nothing_imports_upwards(source):
    own = source.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return  # the package's own names, imported on first use
    for module in imports(source):
        root = module.split(".")[0]
        if (
            root == "colorizer"
            and (other := part(module)) != "__init__"
            and (PACKAGE / other).with_suffix(".py").exists() | (PACKAGE / other).is_dir()
        ):
            assert layer(other) <= layer(own), f"{own} imports {other}"
            assert {own, other} != {"training", "demo"}
        if root in RESERVED:
            assert own in RESERVED[root], f"{own} imports {root}"


def test_approaches_do_not_import_one_another():
    for source in (PACKAGE / "approaches").glob("*.py"):
        if source.name != "__init__.py":
            assert not [module for module in imports(source) if module.startswith("colorizer.approaches")], source


def test_color_bins_and_losses_need_torch_alone():
    for name in ("color", "bins", "losses"):
        roots = {module.split(".")[0] for module in imports(PACKAGE / f"{name}.py")}
        assert roots <= {"torch", "colorizer"} | set(sys.stdlib_module_names)


def test_files_stay_readable_in_one_sitting():
    long = {
        str(source): count
        for source in SOURCES
        if (count := len(source.read_text(encoding="utf-8").splitlines())) > 350
    }
    assert not long
    for script in ("app.py", "train_accelerate.py"):
        assert len((REPOSITORY / script).read_text(encoding="utf-8").splitlines()) < 40


def test_importing_the_package_loads_no_heavy_library():
    heavy = "{'torch', 'transformers', 'numpy', 'gradio', 'datasets', 'PIL', 'huggingface_hub'}"
    code = f"import sys, colorizer; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
