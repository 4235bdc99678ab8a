"""Networks go through the real service: exported, opened, used to code a picture."""

import copy
import json
import shutil

import numpy as np
import pytest
import torch

from models.export.calibration import make_exact
from models.export.zoo_entry import write_zoo_entry
from models.layers.exact import BoundError
from models.networks.lossy_network import LossyNetwork, table_of
from models.networks.patches import to_patches
from service.codec.decoder import Decoder
from service.codec.encoder import Encoder
from service.codec.options import CompressOptions, DecompressOptions
from service.errors import ModelUnavailable
from service.runtime.known_answers import answers_of
from service.runtime.sessions import Device
from service.runtime.zoo import Zoo
from tests.models import tiny
from tests.service.codec.coding import picture_of, psnr, same_symbols, symbols_in, textured

NETWORKS = {
    "lite": tiny.lite,
    "standard": tiny.standard,
    "hp": tiny.hp,
    "hp-easn-deep": tiny.hp_easn_deep,
}
CARD = {
    "description": "Random weights.",
    "licence": "Apache-2.0",
    "training": {},
    "quality": {},
    "weaknesses": (),
}


class FloatLowering(Device):
    """A CPU that runs the graphs meant for GPUs."""

    @property
    def lowering(self):
        return "float"


def pictures(count=2):
    return [
        torch.from_numpy(textured(256, 512, seed=seed)).permute(2, 0, 1)[None].float()
        for seed in range(count)
    ]


@pytest.fixture(scope="module")
def entries(tmp_path_factory):
    """Each network and a zoo of it alone."""
    made = {}
    for name, build in NETWORKS.items():
        network = build().eval()
        make_exact(network, pictures())
        folder = tmp_path_factory.mktemp("zoo")
        card = {"name": name, "version": "1", **CARD}
        write_zoo_entry(network, pictures(), folder / name / "1", card)
        made[name] = network, folder
    return made


@pytest.fixture(params=NETWORKS)
def exported(request, entries):
    return entries[request.param]


@pytest.fixture
def lite(entries):
    return opened(entries["lite"])


def opened(exported, kind=Device):
    _, folder = exported
    return Zoo(folder, kind("cpu", 1), next(folder.iterdir()).name)


@pytest.mark.parametrize("grey", [False, True])
def test_a_picture_goes_through_both_lowerings_with_the_same_symbols(exported, monkeypatch, grey):
    integer, floating = opened(exported), opened(exported, FloatLowering)
    pixels = textured(300, 530, grey=grey, seed=5)
    mask = np.zeros(pixels.shape[:2], bool)
    mask[20:90, 270:400] = True
    coded = Encoder(integer).compress(picture_of(pixels), mask, CompressOptions(mode="lossy"))
    found = [symbols_in(zoo, coded.data, monkeypatch) for zoo in (integer, floating)]
    assert sum(int(np.count_nonzero(part)) for stream in found[0] for part in stream) > 1000
    assert same_symbols(*found)
    shown = [
        Decoder(zoo).decompress(coded.data, DecompressOptions(strict=True)).pixels
        for zoo in (integer, floating)
    ]
    assert shown[0].shape == pixels.shape
    assert np.array_equal(*shown)


def test_a_wavelet_is_a_codec_before_it_has_learnt_anything(lite):
    pixels = textured(256, 256, seed=3)
    data = Encoder(lite).compress(picture_of(pixels), "full", CompressOptions(mode="lossy")).data
    assert psnr(Decoder(lite).decompress(data).pixels, pixels) > 28


def test_networks_for_means_in_each_others_places_are_refused(entries, tmp_path):
    folder = tmp_path / "standard" / "1"
    shutil.copytree(entries["standard"][1] / "standard" / "1", folder)
    card = json.loads((folder / "model.json").read_text())
    first, second = (f"detail_means_{group}.onnx" for group in (1, 2))
    (folder / first).rename(folder / "other")
    (folder / second).rename(folder / first)
    (folder / "other").rename(folder / second)
    files = card["files"]
    files[first], files[second] = files[second], files[first]
    (folder / "model.json").write_text(json.dumps(card))
    with pytest.raises(ModelUnavailable, match="'state'"):
        Zoo(tmp_path, Device("cpu", 1), "standard").by_name(None)


@torch.no_grad()
def test_the_service_takes_the_tables_that_torch_does(exported):
    network, _ = exported
    anchor = 4
    rng = np.random.default_rng(0)
    top = rng.integers(-9, 10, (4, 8, network.top_channels)).astype(np.int32)
    symbols = rng.integers(-3, 4, (2, 16, 16, network.channels)).astype(np.int32)
    found = answers_of(opened(exported).by_name(None), top, symbols, anchor * 64)
    expected = tables_in_torch(copy.deepcopy(network), top, symbols, anchor)
    assert found.shape == expected.shape
    away = np.abs(found.astype(int) - expected)
    assert away.max() <= 1
    # The share of a table step that a quality adds is rounded to sixteenths.
    assert (away > 0).mean() < 0.1
    assert len(np.unique(expected)) > 8


def tables_in_torch(network: LossyNetwork, top, symbols, anchor):
    """As ``answers_of``: the tables of y's groups, then those of z's."""
    z = torch.from_numpy(top).permute(2, 0, 1)[None].float()
    y = torch.from_numpy(symbols).permute(0, 3, 1, 2).float()
    network.quantiser.decide = lambda values, tables: values
    coded = network.code(to_patches(network.top(z)), y, torch.full((2,), float(anchor)))
    tables = coded.tables()
    if network.top_prior is not None:
        network.top_differences = 0  # ``top`` is what is coded
        _, indices = network.top_indices(z, torch.tensor([float(anchor)]))
        sizes = [group.native for group in network.top_prior.groups]
        tables += table_of(indices).split(sizes, 1)
    return torch.cat([table.permute(0, 2, 3, 1).flatten() for table in tables]).numpy()


def test_what_can_not_be_proved_is_not_written(tmp_path):
    network = tiny.hp()
    with torch.no_grad():
        network.prior.entry(0).weight.fill_(1e6)
    with pytest.raises(BoundError):
        write_zoo_entry(network, [], tmp_path / "hp" / "1", {"name": "hp", "version": "1", **CARD})
    assert not list(tmp_path.rglob("*.*"))
