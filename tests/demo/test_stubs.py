from pathlib import Path

import pytest

import colorizer.demo  # noqa: F401  the import is what is tested

COMPONENT = """import gradio


class Shout(gradio.Textbox):
    EVENTS = ["change"]
"""


def test_gradio_writes_no_type_stubs_where_the_app_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "loud_component.py").write_text(COMPONENT)
    monkeypatch.syspath_prepend(tmp_path)
    import loud_component

    assert callable(loud_component.Shout.change)
    assert not (tmp_path / "loud_component.pyi").exists()
