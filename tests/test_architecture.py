"""Layout of the source: allowed imports and the maximum length of a file."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
PACKAGE = REPOSITORY / "colorizer"
SOURCES = sorted(PACKAGE.rglob("*.py"))
SCRIPTS = (REPOSITORY / "app.py", REPOSITORY / "train_accelerate.py")

# From the bottom up. A room may import from itself and from lower floors.
FLOORS = (
    {"errors", "launcher", "lenient_output", "version"},
    {"atomic_write", "checkpoints", "programs", "viewer"},
    {"photos"},
    {"approaches"},
    {"graphs"},
    {"hub"},
    {"pipelines"},
    {"video"},
    {"data"},
    {"evaluation"},
    {"training"},
    {"release"},
    {"server"},
    {"demo", "web"},
    {"cli"},
    {"__main__"},
)
FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
# Libraries that only these rooms may import.
RESERVED = {
    "accelerate": {"pipelines", "evaluation", "training"},
    "tensorboard": {"training"},
    "matplotlib": {"evaluation", "training"},
    "gradio": {"demo", "server"},
    "datasets": {"data"},
    "av": {"photos", "video"},
    "onnx": {"graphs"},
    "onnxruntime": {"graphs"},
    "tifffile": {"photos"},
    "pillow_heif": {"photos"},
    "imagecodecs": {"photos"},
    "rawpy": {"photos"},
    "pypdfium2": {"photos"},
    "transformers": {"approaches", "hub", "pipelines", "training"},
}


def room_of(source: Path) -> str:
    return source.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(source: Path) -> Iterator[tuple[str, ...]]:
    """Yield the dotted parts of every module that a file imports, at any level."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            parts = tuple(node.module.split("."))
            yield from ((*parts, alias.name) for alias in node.names) if parts == ("colorizer",) else (parts,)


def test_every_room_is_on_a_floor_and_says_what_it_is_for():
    rooms = {room_of(source) for source in SOURCES} - {"__init__"}
    assert rooms == set(FLOOR_OF)
    silent = [
        init for init in PACKAGE.rglob("__init__.py") if not ast.get_docstring(ast.parse(init.read_text("utf-8")))
    ]
    assert not silent


def test_imports_point_down():
    offenders = []
    for source in SOURCES:
        room = room_of(source)
        if room == "__init__":
            continue  # the package's own names, imported on first use
        for root, *rest in imports(source):
            if root == "colorizer" and rest and (PACKAGE / rest[0]).exists() | (PACKAGE / f"{rest[0]}.py").exists():
                other = rest[0]
                if other != room and FLOOR_OF[room] <= FLOOR_OF[other]:
                    offenders.append(f"{source.relative_to(PACKAGE)} imports {other}")
            elif room not in RESERVED.get(root, {room}):
                offenders.append(f"{source.relative_to(PACKAGE)} imports {root}")
    assert not offenders


def test_photos_as_values_know_of_no_files():
    layers = {"metadata": 0, "photos": 1, "files": 2}
    offenders = [
        (str(source.relative_to(PACKAGE)), module)
        for source in (PACKAGE / "photos").rglob("*.py")
        for module in imports(source)
        if module[:2] == ("colorizer", "photos") and len(module) > 2
        if layers.get(module[2], layers["photos"]) > layers[source.parent.name]
    ]
    assert not offenders


def test_approaches_do_not_import_one_another():
    offenders = [
        (source.name, module)
        for source in (PACKAGE / "approaches").glob("*.py")
        for module in imports(source)
        if module[:2] == ("colorizer", "approaches") and module[2:3] not in (("base",), ("blocks",))
        if source.name != "__init__.py"
    ]
    assert not offenders


def test_files_stay_readable_in_one_sitting():
    sources = (*SOURCES, *SCRIPTS, *(REPOSITORY / "tests").rglob("*.py"))
    lengths = {source: len(source.read_text(encoding="utf-8").splitlines()) for source in sources}
    assert not {str(source): count for source, count in lengths.items() if count > (40 if source in SCRIPTS else 300)}


def test_importing_the_package_loads_no_heavy_library():
    heavy = "{'torch', 'transformers', 'numpy', 'gradio', 'datasets', 'PIL', 'huggingface_hub'}"
    code = f"import sys, colorizer; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
