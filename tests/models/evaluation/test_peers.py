import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from models.evaluation import peers
from models.evaluation.peers import JPEG, JPEG_2000, JPEG_XL, available, run
from tests.models.evaluation.conftest import photograph

PEERS, MISSING = available()


def test_every_peer_runs_here_or_says_why_not():
    titles = {peer.title for peer in PEERS}
    assert {"JPEG", "WebP"} <= titles
    assert titles | set(MISSING) == {"JPEG", "JPEG 2000", "WebP", "AVIF", "JPEG XL"}


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.key)
@pytest.mark.parametrize("grey", [False, True], ids=["rgb", "grey"])
def test_a_ladder_rises_in_bytes_and_psnr(peer, grey):
    pixels = photograph(96, 112)
    pixels = pixels[..., 0] if grey else pixels
    ends = replace(peer, ladder=(peer.ladder[0], peer.ladder[len(peer.ladder) // 2]))
    low, middle = run(ends, pixels)
    assert low.bytes < middle.bytes < pixels.size
    assert 12 < low.psnr < middle.psnr
    assert low.encode_seconds > 0
    assert low.decode_seconds > 0


def test_jpeg_2000_uses_its_colour_transform_and_the_irreversible_wavelet():
    buffer = io.BytesIO()
    image = Image.fromarray(photograph(96, 112))
    image.save(buffer, "JPEG2000", **JPEG_2000.options(24, image.mode))
    stream = buffer.getvalue()
    cod = stream.index(b"\xff\x52")
    # Marker, length (2), style, progression, layers (2), colour transform, then levels, width
    # and height of code blocks, their style, and the wavelet: 0 is the irreversible one.
    assert stream[cod + 8] == 1
    assert stream[cod + 13] == 0


def test_bytes_are_those_of_the_file():
    pixels = photograph(64, 64)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=50, optimize=True)
    (point,) = run(replace(JPEG, ladder=(50,)), pixels)
    assert point.bytes == len(buffer.getvalue())
    decoded = np.asarray(Image.open(buffer), np.float64)
    assert point.psnr == pytest.approx(
        10 * np.log10(255**2 / np.square(decoded - pixels).mean()), abs=1e-4
    )


def test_a_missing_plugin_is_said(monkeypatch):
    monkeypatch.setattr(peers.importlib.util, "find_spec", lambda name: None)
    found, missing = available()
    assert JPEG_XL not in found
    assert missing == {**MISSING, "JPEG XL": "pillow-jxl-plugin is not installed"}
