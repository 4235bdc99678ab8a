import pytest
import torch

from models.layers.exact import set_exact
from models.networks.jpeg_dct import differences, present, split_cells
from tests.models import coefficients


@pytest.fixture(scope="module")
def network():
    return coefficients.network()


def test_bits_are_those_of_the_coefficients_that_there_are(network):
    cells = coefficients.batch()
    bits = torch.stack(network(cells))
    assert bits.shape == (23, 3)
    assert (bits[:17] > 0).all()
    assert (bits[17:20] > 0).tolist() == [[True, True, False]] * 3
    assert (bits[20:] > 0).tolist() == [[True, False, False]] * 3
    absent = cells.clone()
    absent[:, :768][~present(split_cells(cells)[2]).bool()] = 7.0
    again = torch.stack(network(absent))
    assert torch.equal(again[17:, 2], torch.zeros(6))


@pytest.mark.parametrize("exact", [False, True])
def test_a_group_sees_nothing_that_is_coded_later(network, exact):
    set_exact(network, exact)
    cells = coefficients.batch(samplings=[(1, 1)])
    before = network(cells)
    for group in (0, 4, 12, 20):
        changed = cells.clone()
        later = [c for part in network.groups[group + 1 :] for c in part.channels]
        changed[:, later] += 3
        after = network(changed)
        assert all(torch.equal(a, b) for a, b in zip(before[:group], after[:group], strict=True))
        assert torch.equal(before[group], after[group])
        assert not torch.equal(before[group + 1], after[group + 1])
    set_exact(network, False)


def test_finer_steps_cost_more(network):
    cells = coefficients.batch(samplings=[(2, 2)])
    finer = cells.clone()
    finer[:, :768] *= 2
    finer[:, 768:960] = (finer[:, 768:960] / 2).ceil()
    assert sum(network(finer)) > sum(network(cells))


def test_differences_run_down_the_columns():
    values = torch.tensor([[5.0, 7.0, 4.0], [6.0, 7.0, 9.0]])[None, None]
    assert differences(values)[0, 0].tolist() == [[5.0, 2.0, -3.0], [1.0, 0.0, 5.0]]


def test_the_loss_has_a_gradient_for_every_weight(network):
    network.train()
    loss, logs = network.rate_loss(coefficients.batch())
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.prior.parameters())
    assert logs["bpp"] == pytest.approx(logs["luma"] + logs["chroma"], rel=1e-4)
    network.eval()
