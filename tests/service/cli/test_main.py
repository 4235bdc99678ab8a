import subprocess
import sys

import pytest

from service import __version__

VERBS = ["compress", "decompress", "inspect", "serve", "health", "models", "bench"]


def test_help_names_every_verb(bladestream) -> None:
    run = bladestream("--help")
    assert run.status == 0
    for verb in VERBS:
        assert f"  {verb} " in run.out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(bladestream, verb: str) -> None:
    run = bladestream(verb, "--help")
    assert run.status == 0
    assert f"Usage: bladestream {verb}" in run.out


def test_the_version_is_the_packages(bladestream) -> None:
    assert bladestream("--version").out == f"bladestream {__version__}\n"


@pytest.mark.parametrize("words", [(), ("explode",), ("compress",), ("--explode",)])
def test_a_command_line_without_sense_is_status_2(bladestream, words: tuple[str, ...]) -> None:
    run = bladestream(*words)
    assert run.status == 2


def test_a_setting_without_sense_is_status_2(bladestream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLADESTREAM_PORT", "many")
    run = bladestream("health")
    assert run.status == 2
    assert run.err.startswith("bladestream: BLADESTREAM_PORT")


def test_help_waits_for_no_network_library() -> None:
    code = (
        "import sys, service.cli.main\n"
        "heavy = {'numpy', 'PIL', 'onnxruntime', 'fastapi', 'uvicorn', 'constriction', 'numba',"
        " 'torch'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_serve_overrides_the_settings(bladestream, monkeypatch: pytest.MonkeyPatch) -> None:
    served = []
    monkeypatch.setattr("service.api.server.run", served.append)
    monkeypatch.setenv("BLADESTREAM_PORT", "9001")
    assert bladestream("serve", "--host", "0.0.0.0").status == 0
    assert bladestream("serve", "--port", "9002").status == 0
    assert [(settings.host, settings.port) for settings in served] == [
        ("0.0.0.0", 9001),
        ("127.0.0.1", 9002),
    ]
