"""Environment variables that libraries can't read, and Ctrl-C while they load: one line at most, in place of a traceback."""

import signal

import pytest

from colorizer.errors import ColorizerError, HubError
from colorizer.programs import find_problem, run_program
from tests.cli.running import run_python

# Runs the program in argv[2:], with Ctrl-C when it begins to import the module in argv[1].
RUN = """
import runpy, signal, sys
module, *sys.argv = sys.argv[1:]
class Interrupting:
    def find_spec(name, path=None, target=None):
        if name == module:
            sys.meta_path.remove(Interrupting)
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupting)
run = runpy.run_path if sys.argv[0].endswith(".py") else runpy.run_module
run(sys.argv[0], run_name="__main__")
print("not interrupted")
"""


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("WORLD_SIZE", "abc", "2"),
        ("LOCAL_RANK", "", "-1"),
        ("OMP_NUM_THREADS", "1.5", "4"),
        ("HF_HUB_ETAG_TIMEOUT", "long", "10"),
        ("GRADIO_NUM_PORTS", "many", "5"),
        ("TQDM_MININTERVAL", "fast", "1e-1"),
        ("HF_ENDPOINT", "http://[", "http://127.0.0.1:8"),
        ("HF_ENDPOINT", "not a url", "https://huggingface.co"),
        ("HTTP_PROXY", "x:y", "x:3128"),
        ("https_proxy", "http://[", "http://x"),
        ("ALL_PROXY", "socks9://me:secret@x", "https://me:secret@x:1"),
        ("SSL_CERT_FILE", "/no/such/file", "/"),
    ],
)
def test_a_malformed_variable_is_named(name: str, wrong: str, right: str, monkeypatch: pytest.MonkeyPatch):
    assert find_problem() is None
    monkeypatch.setenv(name, right)
    assert find_problem() is None
    monkeypatch.setenv(name, wrong)
    assert f"variable {name} is not " in find_problem()
    assert "secret" not in find_problem()


@pytest.mark.parametrize(
    ("name", "value", "arguments"),
    [
        ("HF_ENDPOINT", "http://[", ["-m", "colorizer", "list"]),
        ("MPLBACKEND", "nonsense", ["-m", "colorizer", "report", "."]),
        ("LOCAL_RANK", "x", ["train_accelerate.py", "--config", "recipes/cnn.yaml", "--cpu"]),
    ],
)
def test_no_traceback(name: str, value: str, arguments: list[str]):
    ended = run_python(*arguments, **{name: value})
    assert ended.returncode == 2
    (line,) = ended.stderr.splitlines()
    assert f"The environment variable {name} is not " in line


def test_other_errors_stay_as_they_are(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    def run(error: Exception, cause: Exception | None = None) -> str:
        def fail() -> None:
            raise error from cause

        assert run_program("colorizer", fail) == 2
        return capsys.readouterr().err

    with pytest.raises(ValueError, match="a bug"):
        run(ValueError("a bug"))
    monkeypatch.setenv("RANK", "x")
    assert run(ColorizerError("no such photo")) == "colorizer: no such photo\n"
    named = "colorizer: Unknown scheme. The environment variable RANK is not a whole number: fix or unset it.\n"
    assert run(HubError("Unknown scheme."), ValueError()) == named


@pytest.mark.parametrize(
    ("module", "program"),
    [
        ("colorizer.cli.parser", ["colorizer", "list"]),
        ("colorizer.cli.evaluate", ["colorizer", "list"]),
        ("torch", ["colorizer", "list"]),
        ("colorizer.training", ["train_accelerate.py", "--help"]),
        ("torch", ["train_accelerate.py", "--help"]),
        ("colorizer.demo", ["app.py"]),
        ("torch", ["app.py"]),
    ],
)
def test_ctrl_c_while_a_program_loads_shows_no_traceback(module: str, program: list[str]):
    ended = run_python("-c", RUN, module, *program, GRADIO_SERVER_PORT="0")
    assert ended.returncode in (-signal.SIGINT, 130)  # which a shell tells as 130, both
    assert "Traceback" not in ended.stderr
    assert "not interrupted" not in ended.stdout
