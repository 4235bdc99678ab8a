import pytest
import torch

from models.training.native import as_taken


def noise_free(monkeypatch):
    monkeypatch.setattr("models.training.native.with_sensor_noise", lambda rgb, *_, **__: rgb)


def test_no_share_leaves_the_pictures_alone():
    rgb = torch.randint(0, 256, (3, 3, 8, 8)).float()
    assert torch.equal(as_taken(rgb, 0.0), rgb)


def test_pictures_stay_bytes_and_about_the_share_changes():
    torch.manual_seed(3)
    rgb = torch.randint(0, 256, (200, 3, 16, 16)).float()
    taken = as_taken(rgb, 0.5)
    assert torch.equal(taken, taken.round())
    assert taken.min() >= 0 and taken.max() <= 255
    assert 70 < int((taken != rgb).flatten(1).any(1).sum()) < 130


def test_flat_colours_stay(monkeypatch):
    noise_free(monkeypatch)
    rgb = torch.tensor([200.0, 30.0, 90.0])[None, :, None, None].expand(2, -1, 16, 16)
    assert torch.equal(as_taken(rgb, 1.0), rgb)


def test_luma_keeps_what_chroma_of_single_pixels_loses(monkeypatch):
    noise_free(monkeypatch)
    monkeypatch.setattr("models.training.native.SOFTEST", 0.0)
    checks = ((torch.arange(16)[:, None] + torch.arange(16)) % 2).float() * 100 + 50
    grey = checks.expand(1, 3, -1, -1)
    assert torch.equal(as_taken(grey, 1.0), grey)
    red = torch.cat([grey[:, :1], torch.full((1, 2, 16, 16), 100.0)], 1)
    taken = as_taken(red, 1.0)
    assert (taken[:, 0] - taken[:, 1]).std() < 0.05 * (red[:, 0] - red[:, 1]).std()


def test_pictures_differ_in_softness(monkeypatch):
    noise_free(monkeypatch)
    rgb = torch.rand(1, 1, 64, 64).expand(100, 3, -1, -1) * 255
    left = as_taken(rgb.contiguous(), 1.0).std((1, 2, 3)) / rgb[0].std()
    assert left.min() < 0.75
    assert float(left.max()) == pytest.approx(1, abs=0.05)


def test_mixed_precision_changes_nothing(monkeypatch):
    noise_free(monkeypatch)
    rgb = torch.full((1, 3, 16, 16), 187.0)
    rgb[..., 8:] = 200.0
    torch.manual_seed(4)
    expected = as_taken(rgb, 1.0)
    torch.manual_seed(4)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(as_taken(rgb, 1.0), expected)
