import torch
from torch.nn.functional import pixel_unshuffle

from models.layers.wavelet import ColourAxes, WaveletLevel
from models.networks.lite_transform import PHASES, Y_CHANNELS, LiteTransform
from models.networks.lossy_network import LossyNetwork
from models.networks.phases import from_lite, groups, level_bands


def test_groups_cover_the_latents_once_and_in_order():
    covered = [channel for group in groups() for channel in group.channels]
    assert covered == list(range(Y_CHANNELS))
    folds = [group.fold for group in groups()]
    assert folds == sorted(folds)
    assert len(groups()) <= 15  # as many as an entry of a stream can count


def test_every_group_holds_what_its_name_says():
    """Phase by phase, against the bands that the wavelet gives."""
    rgb = torch.rand(1, 3, 256, 256) * 255
    y = LiteTransform().analysis(rgb)[:, from_lite()]
    split, picture = WaveletLevel(), ColourAxes()(rgb)
    bands = {}
    for level in (1, 2, 3):
        b, c, h, w = picture.shape
        halved = split(picture.reshape(b * c, 1, h, w)).reshape(b, c, 4, h // 2, w // 2)
        picture, bands[level] = halved[:, :, 0], halved[:, :, 1:]
    for group in groups()[1:]:
        level, axis, *phase = group.name.split()
        found = LossyNetwork.unfold(y, group)
        if axis == "luma":
            row, column = divmod(int(phase[0]), 2)
            expected = bands[int(level)][:, 0, :, row::2, column::2]
        else:
            expected = pixel_unshuffle(bands[int(level)][:, 1:].flatten(1, 2), 2)
        assert torch.equal(found, expected), group.name


def test_phases_join_to_the_bands_of_a_level():
    bands = torch.arange(2.0 * 9 * 6 * 8).reshape(2, 9, 6, 8)
    luma = [bands[:, :3, phase // 2 :: 2, phase % 2 :: 2] for phase in PHASES]
    assert torch.equal(level_bands(luma), bands[:, :3])
    assert torch.equal(level_bands([*luma, pixel_unshuffle(bands[:, 3:], 2)]), bands)
