"""A codec that answers at once, so that these tests see the command line and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from service.pictures import Metadata, write_picture
from service.settings import get_settings
from tests.service.segmentation.bright import BrightModel

MAGIC = b"stand-in "


@dataclass
class StandInCodec:
    """Keeps the pixels it was given, and everything it was called with."""

    calls: list[SimpleNamespace] = field(default_factory=list)
    pixels: np.ndarray | None = None
    damaged: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    fails_with: Exception | None = None
    zoo: SimpleNamespace | None = None

    def report(self, size: int, pixels: np.ndarray, model: str | None) -> dict[str, object]:
        height, width = pixels.shape[:2]
        return {
            "bytes": size,
            "bpp": 8 * size / (width * height),
            "width": width,
            "height": height,
            "mode": "lossy",
            "model": model or "lite",
            "quality": 3.0,
            "seconds": {"analysis": 0.25, "entropy": 0.5, "total": 0.75},
        }

    def compress(self, picture, mask, options, checkpoint):
        if self.fails_with:
            raise self.fails_with
        checkpoint("analysis", 1, 1)
        self.calls.append(SimpleNamespace(picture=picture, mask=mask, options=options))
        self.pixels = picture.pixels
        data = MAGIC + bytes(91)
        report = self.report(len(data), picture.pixels, options.model)
        return SimpleNamespace(data=data, report={**report, "warnings": []})

    def decompress(self, data, options, checkpoint):
        if self.fails_with:
            raise self.fails_with
        checkpoint("synthesis", 1, 1)
        self.calls.append(SimpleNamespace(data=data, options=options))
        pixels = self.pixels if self.pixels is not None else np.zeros((8, 8, 3), np.uint8)
        report = self.report(len(data), pixels, None)
        return SimpleNamespace(
            pixels=pixels,
            metadata=Metadata(None, None, None),
            report={
                **report,
                "exact": False,
                "damaged": self.damaged,
                "damaged_metadata": self.lost,
            },
        )


@pytest.fixture
def codec(monkeypatch: pytest.MonkeyPatch) -> StandInCodec:
    stand_in = StandInCodec()
    zoo = SimpleNamespace(
        provider="cpu",
        has_lossless=False,
        segmentation_failure="it has no network",
        segmentation_if_usable=lambda: None,
        models=lambda: [{"name": "lite", "version": "1", "kind": "lossy", "digest": "ab" * 32}],
    )
    stand_in.zoo = zoo
    monkeypatch.setattr("service.codec.encoder.Encoder", lambda _zoo: stand_in)
    monkeypatch.setattr("service.codec.decoder.Decoder", lambda _zoo, _pixels: stand_in)
    monkeypatch.setattr("service.runtime.zoo.Zoo", SimpleNamespace(open=lambda _settings: zoo))
    return stand_in


@pytest.fixture
def finds_bright(codec: StandInCodec) -> BrightModel:
    """A zoo that finds the blade: what is bright is blade."""
    model = BrightModel()
    codec.zoo.segmentation_if_usable = lambda: model
    return model


@pytest.fixture(autouse=True)
def fresh_settings():
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A 24x16 RGB photograph with a gradient."""
    pixels = np.arange(16 * 24 * 3, dtype=np.uint32).reshape(16, 24, 3) % 251
    path = tmp_path / "photo.png"
    path.write_bytes(
        write_picture(pixels.astype(np.uint8), "png", metadata=Metadata(None, None, None))
    )
    return path


@pytest.fixture
def bladestream(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., SimpleNamespace]:
    """Run the command line in this process; answer its status, stdout and stderr."""
    from service.cli.main import main

    def run(*words: object) -> SimpleNamespace:
        monkeypatch.setattr("sys.argv", ["bladestream", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        streams = capsys.readouterr()
        code = ended.value.code
        return SimpleNamespace(status=code or 0, out=streams.out, err=streams.err)

    return run
