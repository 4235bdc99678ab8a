import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from models.training.focal import (
    ALPHA,
    FULL_WEIGHT_SHARE,
    LARGEST_WEIGHT,
    blade_target,
    focal,
    scarcity,
)


def test_it_is_the_papers_formula():
    torch.manual_seed(0)
    logit, target = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) < 0.3).float()
    p = logit.sigmoid()
    blade = ALPHA * (1 - p) ** 2 * target * p.log()
    background = (1 - ALPHA) * p**2 * (1 - target) * (1 - p).log()
    assert torch.allclose(focal(logit, target), -(blade + background).mean(), atol=1e-6)


def test_it_stays_finite_however_sure_and_wrong():
    logit = torch.tensor([[-200.0, 200.0]], requires_grad=True)
    value = focal(logit, torch.tensor([[1.0, 0.0]]))
    (gradient,) = torch.autograd.grad(value, logit)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()
    assert gradient[0, 0] < 0 < gradient[0, 1]


def test_easy_pixels_hardly_count():
    easy, hard = torch.tensor([[4.0]]), torch.tensor([[-1.0]])
    target = torch.ones(1, 1)
    ratio = focal(easy, target) / focal(hard, target)
    plain = binary_cross_entropy_with_logits(easy, target)
    plain = plain / binary_cross_entropy_with_logits(hard, target)
    assert ratio < 0.01 * plain


def test_a_pixel_that_a_tip_covers_in_part_is_blade():
    share = torch.tensor([0.0, 60.0, 90.0, 255.0])
    assert blade_target(share).tolist() == [0.0, 0.0, 1.0, 1.0]


def test_thin_blades_weigh_more_than_broad_ones():
    target = torch.zeros(1, 1, 128, 128)
    target[..., 20:22] = 1
    target[..., 64:] = 1
    weight = scarcity(target)
    assert (weight[target == 0] == 1).all()
    thin, broad = weight[..., 40:90, 20], weight[..., 40:90, 100]
    assert broad.unique().tolist() == [1.0]
    # Two columns of forty.
    assert thin.mean() == pytest.approx((FULL_WEIGHT_SHARE / (2 / 40)) ** 0.5, rel=1e-3)
    dot = torch.zeros(1, 1, 128, 128)
    dot[..., 60, 60] = 1
    assert scarcity(dot).max() == LARGEST_WEIGHT
