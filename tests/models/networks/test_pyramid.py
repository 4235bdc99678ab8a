import numpy as np
import pytest
import torch

from models.layers.exact import set_exact
from models.layers.ycocg import to_ycocg
from models.networks.pyramid import PHASES, Pyramid, phase_of, predict
from models.networks.registry import build
from tests.models import tiny


@pytest.fixture
def network():
    made = Pyramid((8, 6), (1, 1), (4, 0))
    tiny.scatter(made, 5, spread=0.5)
    tiny.scatter_places(made, 5)
    return made


def picture(side=32, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-60, 61, (2, 3, side, side), generator=generator).float()


def answers(network, values):
    """Means and indices of every step of the finest level, given the truth."""
    found = []

    def code(phase, component, mean, index):
        found.append(torch.cat([mean, index], 1))
        return phase_of(values, phase)[:, component : component + 1]

    network.network(0).walk(phase_of(values, "a"), code)
    return found


def test_the_phases_tile_the_picture():
    values = picture()
    whole = torch.cat([phase_of(values, phase).flatten() for phase in ("a", *PHASES)])
    assert torch.equal(whole.sort().values, values.flatten().sort().values)


def test_predictions_are_the_rounded_means_of_the_nearest():
    values = picture(8)
    planes = {phase: phase_of(values, phase) for phase in ("a", "d")}
    x = values[1, 2]
    d, b, c = (predict(phase, planes)[1, 2] for phase in PHASES)
    # Row and column 1 of each phase's grid; d there stands at (3, 3), b at (2, 3), c at (3, 2).
    assert d[1, 1] == torch.floor((x[2, 2] + x[2, 4] + x[4, 2] + x[4, 4] + 2) / 4)
    assert b[1, 1] == torch.floor((x[2, 2] + x[2, 4] + x[1, 3] + x[3, 3] + 2) / 4)
    assert c[1, 1] == torch.floor((x[2, 2] + x[4, 2] + x[3, 1] + x[3, 3] + 2) / 4)
    # At the last column the right neighbours repeat the left ones.
    assert b[1, 3] == torch.floor((2 * x[2, 6] + x[1, 7] + x[3, 7] + 2) / 4)


@pytest.mark.parametrize("exact", [False, True])
def test_a_step_sees_nothing_that_is_coded_later(network, exact):
    set_exact(network, exact)
    values = picture()
    before = answers(network, values)
    assert len(before) == 9
    for step in range(9):
        changed = values.clone()
        phase, component = PHASES[step // 3], step % 3
        phase_of(changed, phase)[:, component] += 7
        after = answers(network, changed)
        same = [torch.equal(x, y) for x, y in zip(before, after, strict=True)]
        assert all(same[: step + 1])
        # The last component of all is seen by nobody; every other by the step after it.
        assert step == 8 or not same[step + 1]


def test_a_patch_is_coded_alone(network):
    values = picture()
    with torch.no_grad():
        both, one, other = network(values), network(values[:1]), network(values[1:])
    for together, first, second in zip(both, one, other, strict=True):
        assert together.tolist() == pytest.approx([float(first), float(second)], rel=1e-5)


def test_levels_go_down_to_four_and_share_the_last_network(network):
    assert len(network(picture(64))) == 4
    assert network.network(1) is network.network(5)
    assert network.network(0) is not network.network(1)


def test_the_rate_can_be_learnt():
    network = build("pyramid", {"widths": [8, 8], "depths": [1, 1], "periods": [4, 0]})
    rows = torch.arange(32.0)
    values = to_ycocg((rows[:, None] + 2 * rows[None]).expand(2, 3, 32, 32))
    optimiser = torch.optim.Adam(network.parameters(), lr=5e-3)
    spent = []
    for _ in range(25):
        optimiser.zero_grad()
        bits = torch.stack(network(values)).sum() / values[:, 0].numel()
        bits.backward()
        optimiser.step()
        spent.append(float(bits.detach()))
    assert spent[-1] < 0.7 * spent[0]


def test_positions_matter_modulo_the_period(network):
    # A flat picture: all that tells positions apart, far from the borders, is the bias.
    means = answers(network, torch.full((1, 3, 96, 96), 40.0))[0][0, 0, 12:-12, 12:-12]
    assert torch.equal(means[:-4], means[4:])
    assert torch.equal(means[:, :-4], means[:, 4:])
    assert not torch.equal(means[:-2], means[2:])
    coarser = network.network(1)
    assert len(coarser.places) == 0


def test_a_jpegs_loss_weighs_pictures_by_their_own_rates(network):
    torch.manual_seed(3)
    loss, figures = network.losses()["jpeg"](picture(64).abs())
    assert float(figures["bpp"]) > 0
    # The mean of logarithms lies below the logarithm of the mean.
    assert 0 < float(loss.detach()) <= np.log1p(figures["bpp"]) + 1e-6


def test_the_loss_tells_what_each_level_costs(network):
    loss, figures = network.losses()["rate"](picture(64).abs())
    levels = [figures[f"level_{k}"] for k in range(4)]
    assert sum(levels) == pytest.approx(figures["bpp"], rel=1e-4)
    assert float(loss.detach()) == pytest.approx(figures["bpp"] / 10, rel=1e-4)
