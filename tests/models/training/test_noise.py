import pytest
import torch

from models.training.noise import with_sensor_noise


def test_no_share_leaves_the_pictures_alone():
    rgb = torch.randint(0, 256, (3, 3, 8, 8)).float()
    assert torch.equal(with_sensor_noise(rgb, 0.0), rgb)


def test_noisy_pictures_stay_integers_of_a_byte_and_keep_their_mean():
    rgb = torch.cat([torch.full((8, 3, 64, 64), level) for level in (0.0, 3.0, 90.0, 255.0)])
    noisy = with_sensor_noise(rgb, 1.0)
    assert torch.equal(noisy, noisy.round())
    assert noisy.min() >= 0 and noisy.max() <= 255
    grey = noisy[16:24]
    assert grey.std() > 0.3
    assert float(grey.mean()) == pytest.approx(90, abs=1)


def test_pictures_differ_in_strength_and_about_the_share_is_noisy():
    rgb = torch.full((400, 3, 8, 8), 120.0)
    spread = with_sensor_noise(rgb, 1 / 3).flatten(1).std(1)
    noisy = spread[spread > 0]
    assert 90 < len(noisy) < 180
    assert noisy.max() > 3 * noisy.min()


def test_correlated_noise_is_as_strong_and_joins_neighbours_and_colours():
    torch.manual_seed(2)
    rgb = torch.full((60, 3, 48, 48), 120.0)
    white = with_sensor_noise(rgb, 1.0) - rgb
    noise = with_sensor_noise(rgb, 1.0, correlated=True) - rgb
    assert float(noise.std()) == pytest.approx(float(white.std()), rel=0.25)
    across = (noise[..., 1:] * noise[..., :-1]).mean((1, 2, 3)) / noise.square().mean((1, 2, 3))
    colours = (noise[:, 0] * noise[:, 1]).mean((1, 2)) / noise.square().mean((1, 2, 3))
    for share in (across, colours):  # each picture draws its own
        assert share.min() < 0.2
        assert share.max() > 0.4
