import torch

from models.training.dense_crf import affinity, dense_crf, energy


def points(count=12, seed=0):
    """Probabilities (1, n) and affinities of random points, in double precision."""
    torch.manual_seed(seed)
    values = torch.rand(1, count, dtype=torch.float64, requires_grad=True)
    return values, affinity(torch.randn(1, count, 5, dtype=torch.float64))


def test_the_gradient_is_that_of_finite_differences():
    values, near = points()
    (found,) = torch.autograd.grad(energy(values, near), values)
    step = 1e-6
    for index in range(values.shape[1]):
        shift = torch.zeros_like(values)
        shift[0, index] = step
        with torch.no_grad():
            expected = (energy(values + shift, near) - energy(values - shift, near)) / (2 * step)
        assert abs(float(found[0, index] - expected)) < 1e-8


def test_the_gradient_pulls_both_ways():
    # Were K(1 - s) taken as a constant, it would be positive for all points.
    near = torch.ones(1, 10, 10)
    for mostly, sign in ((0.9, -1), (0.1, 1)):
        values = torch.full((1, 10), mostly, requires_grad=True)
        (found,) = torch.autograd.grad(energy(values, near), values)
        assert (found * sign > 0).all()


def test_one_descent_makes_alike_pixels_agree_with_the_majority():
    rgb = torch.full((1, 3, 32, 32), 200.0)
    logit = torch.full((1, 1, 32, 32), 2.0)
    logit[..., :8] = -2.0
    for flipped in (1.0, -1.0):
        torch.manual_seed(0)
        start = (flipped * logit).requires_grad_()
        (found,) = torch.autograd.grad(dense_crf(start.sigmoid(), rgb), start)
        assert (found.sum() * flipped) < 0


def test_labels_may_change_where_the_colour_does():
    torch.manual_seed(0)
    rgb = torch.zeros(1, 3, 32, 32)
    rgb[..., 16:] = 200.0
    split = torch.zeros(1, 1, 32, 32)
    split[..., 16:] = 1.0
    assert float(dense_crf(split, rgb)) < 1e-6
    assert float(dense_crf(split, torch.zeros_like(rgb))) > 1e-3
    assert float(dense_crf(torch.zeros_like(split), rgb)) == 0


def test_the_reach_grows_with_the_picture():
    small, large = torch.zeros(1, 3, 32, 48), torch.zeros(1, 3, 64, 96)
    energies = []
    for rgb in (small, large):
        torch.manual_seed(0)
        half = torch.zeros(1, 1, *rgb.shape[2:])
        half[..., : rgb.shape[3] // 2] = 1.0
        energies.append(float(dense_crf(half, rgb)))
    assert abs(energies[0] - energies[1]) < 0.1 * energies[0]
