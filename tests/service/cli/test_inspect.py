import json
from pathlib import Path

import pytest

from service.errors import BadStream

REPORT = {
    "width": 640,
    "bpp": 0.25,
    "models": [{"name": "lite", "known": True}],
    "chunks": {"index": 90, "streams": 2000},
    "damaged": [],
}


@pytest.fixture
def blade(tmp_path: Path) -> Path:
    path = tmp_path / "photo.blade"
    path.write_bytes(b"stream")
    return path


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    streams: list[bytes] = []

    def inspect(data: bytes, zoo: object, *, max_pixels: int) -> dict[str, object]:
        streams.append(data)
        return REPORT

    monkeypatch.setattr("service.codec.inspection.inspect", inspect)
    return streams


def test_inspect_prints_the_codecs_report_as_json(bladestream, codec, seen, blade: Path) -> None:
    run = bladestream("inspect", blade, "--json")
    assert run.status == 0
    assert json.loads(run.out) == REPORT
    assert seen == [b"stream"]


def test_inspect_prints_lines_for_people(bladestream, codec, seen, blade: Path) -> None:
    assert bladestream("inspect", blade).out.splitlines() == [
        "width: 640",
        "bpp: 0.25",
        "models",
        "  name lite, known yes",
        "chunks",
        "  index: 90",
        "  streams: 2000",
        "damaged: none",
    ]


def test_a_file_that_is_no_stream_is_status_1(
    bladestream, codec, blade: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(data: bytes, zoo: object, *, max_pixels: int) -> dict[str, object]:
        raise BadStream("not a .blade file")

    monkeypatch.setattr("service.codec.inspection.inspect", refuse)
    run = bladestream("inspect", blade, "--json")
    assert (run.status, run.out) == (1, "")
    assert run.err == "bladestream: not a .blade file (bad-stream)\n"


def test_models_lists_the_zoo(bladestream, codec) -> None:
    assert bladestream("models").out == f"lite 1  lossy  {'ab' * 32}\nrun by cpu\n"
    report = json.loads(bladestream("models", "--json").out)
    assert report == {
        "provider": "cpu",
        "models": [{"name": "lite", "version": "1", "kind": "lossy", "digest": "ab" * 32}],
    }
