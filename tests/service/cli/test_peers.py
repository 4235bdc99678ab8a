import numpy as np
import pytest
from PIL import Image

from service.cli.distortion import psnr
from service.cli.peers import PEERS, Peer, decode, match_size


@pytest.fixture(scope="module")
def image() -> Image.Image:
    random = np.random.default_rng(5)
    smooth = random.integers(0, 256, (12, 12, 3), dtype=np.uint8)
    return Image.fromarray(smooth).resize((96, 80), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_peer_comes_near_the_wanted_size_from_below(peer: Peer, image: Image.Image) -> None:
    wanted = len(peer.encode(image, 0.6))
    file = match_size(peer, image, wanted)
    assert 0.9 * wanted <= len(file.data) <= wanted


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_peer_decodes_to_the_picture(peer: Peer, image: Image.Image, mode: str) -> None:
    original = image.convert(mode)
    pixels, _ = decode(peer.encode(original, 0.9), mode)
    value = psnr(np.asarray(original), pixels)
    assert value is None or value > 30


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_a_size_no_peer_can_make_gives_its_smallest_file(peer: Peer, image: Image.Image) -> None:
    assert match_size(peer, image, 1).data == peer.encode(image, 0.0)


def test_jpeg2000_uses_its_colour_transform(image: Image.Image) -> None:
    stream = next(peer for peer in PEERS if peer.name == "jpeg2000").encode(image, 0.5)
    cod = stream.index(b"\xff\x52")
    # COD: marker, length 2, style 1, progression 1, layers 2, then the multiple component
    # transform; ten bytes on stands the wavelet, 0 for the irreversible 9/7.
    assert stream[cod + 8] == 1
    assert stream[cod + 13] == 0
