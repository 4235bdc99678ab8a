import numpy as np
import pytest
import torch

from models.evaluation import ms_ssim as reference
from models.training.ms_ssim import ms_ssim


def photograph(height: int, width: int) -> np.ndarray:
    """Soft waves with an edge and grain, (H, W, 3) uint8."""
    rows, columns = np.mgrid[:height, :width]
    rng = np.random.default_rng(1)
    planes = [
        90 + 50 * np.sin(rows / (17 + 5 * c)) * np.cos(columns / (29 - 4 * c)) for c in range(3)
    ]
    picture = np.stack(planes, 2) + 60 * (rows > columns)[..., None]
    return np.clip(picture + rng.normal(0, 4, picture.shape), 0, 255).astype(np.uint8)


def to_tensor(*pictures: np.ndarray) -> torch.Tensor:
    return torch.stack([torch.from_numpy(p).permute(2, 0, 1).float() for p in pictures])


def distorted(picture: np.ndarray, noise: float, shift: float) -> np.ndarray:
    grain = np.random.default_rng(2).normal(0, 1, picture.shape)
    return np.clip(np.rint(picture + noise * grain + shift), 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("height", "width"), [(256, 256), (176, 201)])
def test_it_is_the_evaluations_figure(height, width):
    original = photograph(height, width)
    others = [distorted(original, *how) for how in ((1, 0), (8, 5), (40, -30), (0, 60))]
    others.append(255 - original)
    found = ms_ssim(to_tensor(*[original] * len(others)), to_tensor(*others))
    expected = [reference.ms_ssim(original, other) for other in others]
    # Opposed pictures have 0 there, and as good as none here.
    np.testing.assert_allclose(found[:-1].numpy(), expected[:-1], atol=1e-4)
    assert found[-1] < 0.02


def test_equal_pictures_have_one():
    picture = to_tensor(photograph(256, 256))
    assert ms_ssim(picture, picture).item() == pytest.approx(1, abs=1e-6)


def test_following_the_gradient_repairs_a_picture():
    original = to_tensor(photograph(192, 192))
    guess = to_tensor(distorted(photograph(192, 192), 30, 0)).requires_grad_()
    before = ms_ssim(original, guess)
    (gradient,) = torch.autograd.grad(before.sum(), guess)
    after = ms_ssim(original, guess + 20 * gradient / gradient.abs().max())
    assert after > before + 0.002


def test_the_gradient_is_finite_at_opposed_and_at_flat_pictures():
    original = to_tensor(photograph(176, 176))
    for other in (255 - original, torch.full_like(original, 100.0), original.clone()):
        guess = other.requires_grad_()
        (gradient,) = torch.autograd.grad(ms_ssim(original, guess).sum(), guess)
        assert torch.isfinite(gradient).all()


def test_it_stays_in_float32_under_autocast():
    a, b = (to_tensor(p) for p in (photograph(176, 176), distorted(photograph(176, 176), 2, 0)))
    with torch.autocast("cpu", torch.bfloat16):
        inside = ms_ssim(a, b)
    torch.testing.assert_close(inside, ms_ssim(a, b))


def test_pictures_must_be_of_one_shape_and_large_enough():
    with pytest.raises(ValueError, match="shapes differ"):
        ms_ssim(torch.zeros(1, 3, 176, 180), torch.zeros(1, 3, 180, 176))
    with pytest.raises(ValueError, match="sides of 176 pixels"):
        ms_ssim(torch.zeros(1, 3, 175, 400), torch.zeros(1, 3, 175, 400))
