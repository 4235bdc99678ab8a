import pytest
import torch

from models.export.bounds import prove_bounds
from models.layers.exact import EXACT_LIMIT, BoundError, exact_layers
from tests.models import tiny

LARGEST_SYMBOL = 2.0**20


@torch.no_grad()
def test_nothing_goes_beyond_what_is_proved():
    """Watched on symbols that drive every input to its ends."""
    top, prior = tiny.top(seed=3), tiny.prior(seed=3)
    proved = prove_bounds(top, prior)
    assert proved < EXACT_LIMIT
    shares = []

    def watch(layer, inputs, output):
        if not layer.raw:
            assert float(inputs[0].abs().max()) * 256 <= proved
        reached = output.double().abs().amax((0, 2, 3)) * 256
        assert (reached <= layer.reach()[1]).all()
        shares.append(float((reached / layer.reach()[1]).max()))

    for layer in [*exact_layers(top), *exact_layers(prior)]:
        layer.register_forward_hook(watch)
    z = tiny.symbols(1, 1)[0][:, : tiny.TOP_CHANNELS, :4, :4].sign() * LARGEST_SYMBOL
    symbols = [s.sign() * LARGEST_SYMBOL for s in tiny.symbols(1, 4)]
    prior(top(z), torch.tensor([512.0]), symbols)
    assert max(shares) > 0.5  # nor is the bound far beyond what happens


def push(layer):
    """A bias that a layer can have alone, but not twice on one stream."""
    with torch.no_grad():
        layer.bias[0] = 0.6 * EXACT_LIMIT / 256
    layer.prove_bound()


@pytest.mark.parametrize(
    "pushed",
    [
        lambda top, prior: (top.enter, top.block.mix),
        lambda top, prior: (prior.enter, prior.scale(0).step(2).block.mix),
        lambda top, prior: (prior.entry(2), prior.scale(2).quality),
        lambda top, prior: (prior.scale(1).quality, prior.scale(1).step(0).embed),
    ],
)
def test_layers_that_are_within_bounds_alone_but_not_together_are_refused(pushed):
    top, prior = tiny.top(), tiny.prior()
    first, second = pushed(top, prior)
    push(first)
    assert prove_bounds(top, prior) < EXACT_LIMIT
    push(second)
    with pytest.raises(BoundError, match="stream"):
        prove_bounds(top, prior)


def test_a_layer_beyond_its_own_bound_is_refused():
    top, prior = tiny.top(), tiny.prior()
    with torch.no_grad():
        exact_layers(prior)[-1].weight.fill_(1e6)
    with pytest.raises(BoundError, match="sum"):
        prove_bounds(top, prior)
