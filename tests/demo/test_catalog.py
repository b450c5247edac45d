from pathlib import Path

import pytest

from colorizer import create_model, save_checkpoint
from colorizer.demo import catalog as catalog_module
from colorizer.demo.approaches.tab import problems
from colorizer.demo.catalog import Catalog
from colorizer.errors import CheckpointError, ColorizerError, HubError
from colorizer.server import network_folders
from tests.hub_server import HubServer


def publish(hub: HubServer, folder: str) -> None:
    hub.add("ada/tiny", {path.name: path.read_bytes() for path in Path(folder).iterdir()})


def test_folders_stand_after_the_packages_checkpoints(checkpoints: list[str]) -> None:
    catalog = Catalog(checkpoints)
    assert catalog.names[-2:] == ["tiny-colorful", "tiny-dense"]
    entry = catalog.entry("tiny-colorful")
    assert entry.title == "Colorful Image Colorization"
    assert entry.label == "Zhang, vivid (tiny-colorful), 2016"
    assert entry.origin == "folder"
    assert (entry.label, "tiny-colorful") in catalog.choices


def test_same_folder_name_twice(checkpoints: list[str]) -> None:
    catalog = Catalog([checkpoints[0], checkpoints[0]])
    assert catalog.names[-2:] == ["tiny-colorful", "tiny-colorful-2"]


def test_a_card_says_what_its_checkpoint_is_not_only_its_approach(tmp_path: Path) -> None:
    plain = str(tmp_path / "plain")
    save_checkpoint(create_model("colorful", width=1 / 64, rebalance=False), plain)
    catalog = Catalog([plain])
    assert catalog.names[0] == "default"
    labels = [entry.label for entry in catalog.entries]
    assert labels[0] == "Best guess, 2026"
    assert len(set(labels)) == len(labels)
    assert "rare colors count more" in catalog.entry("colorful").description
    assert "rare colors count no more" in catalog.entry("plain").description
    loaded = catalog.entry("plain")
    catalog.pipeline("plain")
    assert catalog.entry("plain") == loaded


def test_pipeline_is_loaded_once(checkpoints: list[str]) -> None:
    catalog = Catalog(checkpoints)
    assert catalog.pipeline("tiny-dense") is catalog.pipeline("tiny-dense")


def test_least_recently_used_pipeline_goes(checkpoints: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    load = catalog_module.pipeline

    def count(source: str, **options: str | None):
        loads.append(Path(source).name)
        return load(source, **options)

    monkeypatch.setattr(catalog_module, "pipeline", count)
    catalog = Catalog([*checkpoints, checkpoints[0]])
    weights = sum(path.stat().st_size for folder in checkpoints for path in Path(folder).glob("*.safetensors"))
    catalog.max_bytes = 3 * weights  # room for these two: as in the file, and in float32 for ONNX Runtime
    for name in ("tiny-colorful", "tiny-dense", "tiny-colorful", "tiny-colorful-2", "tiny-colorful", "tiny-dense"):
        catalog.pipeline(name)
    assert loads == ["tiny-colorful", "tiny-dense", "tiny-colorful", "tiny-dense"]


def test_unknown_name_lists_those_there_are(checkpoints: list[str]) -> None:
    with pytest.raises(ColorizerError, match=r"no model 'rembrandt' here; choose from .*tiny-dense"):
        Catalog(checkpoints).pipeline("rembrandt")


def test_model_that_cannot_be_offered_keeps_its_reason(checkpoints: list[str], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    empty = tmp_path / "empty"
    empty.mkdir()
    catalog = Catalog([checkpoints[0], "nonsense", str(tmp_path), str(empty)])
    assert catalog.names[-1] == "tiny-colorful"
    assert "neither a folder nor a Hub id" in catalog.problems["nonsense"]
    assert "'bert'" in catalog.problems[str(tmp_path)]
    assert "config.json" in catalog.problems[str(empty)]


def test_hub_model_is_loaded_on_first_use(checkpoints: list[str], hub: HubServer) -> None:
    publish(hub, checkpoints[0])
    catalog = Catalog(["ada/tiny"])
    assert not hub.requests
    assert catalog.entry("ada/tiny").title == ""
    catalog.pipeline("ada/tiny")
    assert catalog.entry("ada/tiny").title == "Colorful Image Colorization"


def test_visitor_adds_a_hub_model(checkpoints: list[str], hub: HubServer) -> None:
    publish(hub, checkpoints[0])
    catalog = Catalog()
    entry = catalog.add_from_hub(" ada/tiny@main ")
    assert (entry.name, entry.origin, entry.year) == ("ada/tiny@main", "Hub", 2016)
    assert catalog.names[-1] == "ada/tiny@main"


def test_of_the_models_that_visitors_add_the_oldest_goes(
    checkpoints: list[str], hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("colorizer.demo.catalog.MAX_ADDED", 2)
    publish(hub, checkpoints[0])
    files = {path.name: path.read_bytes() for path in Path(checkpoints[0]).iterdir()}
    for name in ("ada/one", "ada/two", "ada/three"):
        hub.add(name, files)
    catalog = Catalog(["ada/tiny"])
    for name in ("ada/one", "ada/tiny", "ada/two", "ada/three"):
        assert catalog.add_from_hub(name).name == name
    assert catalog.names[-3:] == ["ada/tiny", "ada/two", "ada/three"]
    with pytest.raises(ColorizerError, match="no model 'ada/one'"):
        catalog.pipeline("ada/one")


def test_what_visitors_add_stays_out_of_the_hubs_cache(
    checkpoints: list[str], hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cache, visitors = (tmp_path / name for name in ("hub", "visitors"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    files = {path.name: path.read_bytes() for path in Path(checkpoints[0]).iterdir()}
    num_bytes = sum(map(len, files.values()))
    monkeypatch.setattr(network_folders, "COMING", 2 * num_bytes)
    monkeypatch.setattr(network_folders, "MAX_BYTES", 4 * num_bytes)
    for number in range(4):
        hub.add(f"ada/{number}", files)
    catalog = Catalog()
    catalog._folders = network_folders.NetworkFolders(visitors)
    for number in range(4):
        catalog.add_from_hub(f"ada/{number}")
        assert sum(path.lstat().st_size for path in visitors.rglob("*") if path.is_file()) < 4 * num_bytes
    assert len(list(visitors.iterdir())) < 4
    assert not cache.exists()
    with pytest.raises(HubError):
        catalog.add_from_hub("ada/none")
    assert catalog.add_from_hub("ada/0").name == "ada/0", "one whose files are gone loads again, or still is in memory"


def test_hub_model_is_offered_once_it_is_loaded(
    checkpoints: list[str], hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(hub, checkpoints[0])
    catalog, seen = Catalog(), []
    load = catalog_module.pipeline
    monkeypatch.setattr(
        catalog_module, "pipeline", lambda *args, **options: seen.append(catalog.names) or load(*args, **options)
    )
    catalog.add_from_hub("ada/tiny")
    assert "ada/tiny" not in seen[0]
    assert "ada/tiny" in catalog.names


def test_visitor_reads_no_private_repository_of_the_server(checkpoints: list[str], hub: HubServer) -> None:
    publish(hub, checkpoints[0])
    hub.repositories["ada/tiny"].is_private = True
    Catalog(["ada/tiny"]).pipeline("ada/tiny")  # whoever runs the server may, by the login's token
    with pytest.raises(HubError, match="ada/tiny"):
        Catalog().add_from_hub("ada/tiny")


def test_hub_model_that_fails_is_not_offered(hub: HubServer) -> None:
    catalog = Catalog()
    with pytest.raises(HubError, match="ada/none"):
        catalog.add_from_hub("ada/none")
    assert "ada/none" not in catalog.names
    assert not catalog._loading  # any number of names may fail


@pytest.mark.parametrize("model", ["", "colorful", "/etc", "../secret", "colorizer/demo", "a/b/c", "ada/tiny@"])
def test_visitor_cannot_name_a_path(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    with pytest.raises(CheckpointError, match="not a model id"):
        Catalog().add_from_hub(model)


def test_errors_of_a_hub_model_name_no_folder_of_the_server(
    checkpoints: list[str], hub: HubServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = {path.name: path.read_bytes() for path in Path(checkpoints[0]).iterdir()}
    hub.add("ada/tiny", files | {"model.safetensors": files["model.safetensors"][:-100]})
    hub.add("ada/other", files | {"config.json": b'{"model_type": "bert"}'})
    hub.add("ada/odd", files | {"config.json": b"[" * 100_000})
    catalog = Catalog()
    for name in ("ada/tiny", "ada/other", "ada/odd"):
        with pytest.raises(CheckpointError) as raised:
            catalog.add_from_hub(name)
        assert "/" not in str(raised.value).replace(name, "").replace("user/name", "")
        assert len(str(raised.value)) < 400
        assert name not in catalog.names
    monkeypatch.setattr("colorizer.hub.loading.download_checkpoint", lambda *_, **__: tmp_path / "none")
    with pytest.raises(CheckpointError, match=r"^config\.json is missing"):
        catalog.add_from_hub("ada/tiny")


def test_folder_that_cannot_be_offered_is_shown_without_its_parents(tmp_path: Path) -> None:
    told = problems(Catalog([str(tmp_path), str(tmp_path / "none")]))
    assert "none is not available" in told
    assert str(tmp_path) not in told
