"""The first run of a newcomer: a real service, real HTTP, the shipped models."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.cli.demo import demo
from service.cli.distortion import psnr
from service.cli.local_service import ServiceError

SAMPLES = Path(__file__).parents[3] / "samples"


@pytest.mark.parametrize("name", ["blade-tip", "blade-root"])
def test_a_sample_goes_through_the_service_and_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    demo(SAMPLES / f"{name}.jpg", SAMPLES / f"{name}.mask.png", tmp_path)
    told = capsys.readouterr().out
    assert "blade found" in told
    for figure in ("bytes in", "bytes out", "bits a pixel", "bits a blade pixel", "PSNR, blade"):
        assert figure in told
    assert "hp-easn-deep/" in told
    original = pixels(SAMPLES / f"{name}.jpg")
    blade = pixels(SAMPLES / f"{name}.mask.png").astype(bool)
    for stem in (name, f"{name}.roi-eml"):
        decoded = pixels(tmp_path / f"{stem}.decoded.png")
        whole, on_blade = psnr(original, decoded), psnr(original, decoded, blade)
        assert whole is not None
        assert whole > 33
        assert on_blade is None  # equal, bit for bit
        assert 1000 < (tmp_path / f"{stem}.blade").stat().st_size < original.size / 2
        with Image.open(tmp_path / f"{stem}.side-by-side.png") as sheet:
            assert sheet.width > 3 * original.shape[1]
    files = [(tmp_path / f"{stem}.blade").read_bytes() for stem in (name, f"{name}.roi-eml")]
    assert files[0] != files[1]


def test_a_profile_without_its_models_is_left_out(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    zoo_folder: Path,
) -> None:
    zoo = tmp_path / "zoo"
    zoo.mkdir()
    for name in ("lite", "pyramid"):
        (zoo / name).symlink_to(zoo_folder / name)
    monkeypatch.setenv("BLADESTREAM_ZOO_PATH", str(zoo))
    sample = SAMPLES / "blade-tip.jpg"
    demo(sample, sample.with_suffix(".mask.png"), tmp_path / "out")
    told = capsys.readouterr().out
    assert "roi-eml is left out: this service has no hp-easn-deep and no bitswap" in told
    assert not list((tmp_path / "out").glob("*roi-eml*"))


def test_a_service_that_cannot_start_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLADESTREAM_ZOO_PATH", str(tmp_path))
    sample = SAMPLES / "blade-tip.jpg"
    with pytest.raises(ServiceError, match="There is no model"):
        demo(sample, sample.with_suffix(".mask.png"), tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.blade"))


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)
