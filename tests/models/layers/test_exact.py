import pytest
import torch

from models.layers.exact import (
    LARGEST_WEIGHT,
    STREAM_BITS,
    BoundError,
    ExactBlock,
    ExactConv,
    floor_through,
    round_through,
    set_exact,
)
from tests.models import tiny


def layer(inputs=6, outputs=5, kernel=3, seed=0, spread=1.0):
    made = ExactConv(inputs, outputs, kernel)
    tiny.scatter(made, seed, spread)
    made.exact = True
    return made


def on_stream(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(-3000, 6000, shape, generator=generator) / 2.0**STREAM_BITS


def test_rounding_passes_the_gradient_through():
    x = torch.tensor([-1.5, -0.2, 0.5, 2.7], requires_grad=True)
    assert round_through(x).tolist() == [-1.0, 0.0, 1.0, 3.0]
    assert floor_through(x).tolist() == [-2.0, -1.0, 0.0, 2.0]
    round_through(x).sum().backward()
    assert x.grad.tolist() == [1.0] * 4


@pytest.mark.parametrize("kernel", [1, 3])
def test_outputs_are_integers_of_the_stream_and_equal_sums_in_double(kernel):
    made = layer(kernel=kernel)
    x = on_stream(2, 6, 7, 9)
    out = made(x)
    assert torch.equal(out * 2**STREAM_BITS, torch.floor(out * 2**STREAM_BITS))
    weight, bias, bits = (t.detach().double() for t in made.integers())
    u8 = torch.floor(x.double() * 2.0 ** int(made.input_bits) + 0.5).clamp(0, 255)
    total = torch.nn.functional.conv2d(u8, weight, bias, padding=kernel // 2)
    shift = 2.0 ** (STREAM_BITS - int(made.input_bits) - bits)[:, None, None]
    assert torch.equal(out.double() * 2**STREAM_BITS, torch.floor(total * shift + 0.5))


def test_integer_weights_are_in_range_and_close():
    made = layer(seed=3)
    weight, bias, bits = made.integers()
    assert weight.abs().max() <= LARGEST_WEIGHT
    assert torch.equal(weight, weight.round())
    assert torch.equal(bias, bias.round())
    error = weight * 2.0 ** -bits[:, None, None, None] - made.weight
    assert (error.abs() <= 0.5 * 2.0 ** -bits[:, None, None, None] + 1e-6).all()


def test_switching_to_integers_changes_little():
    made = layer(inputs=16, outputs=8, seed=1)
    x = torch.rand(1, 16, 12, 12) * 4
    made.exact = False
    made.observe(x)
    made.settle()
    real = made(x)
    set_exact(made, True)
    assert (made(x) - real).square().mean() < 1e-3 * real.square().mean()


def test_the_input_step_covers_what_was_observed():
    made = layer()
    for high, bits in [(0.9, 8), (15.0, 4), (200.0, 0), (1000.0, -2)]:
        made.observed.zero_()
        made.observe(torch.full((1, 6, 40, 40), high))
        made.settle()
        assert int(made.input_bits) == bits
        assert high * 2.0**bits <= 255


def test_a_bound_that_holds_is_proved():
    assert 0 < layer(inputs=64).prove_bound() < 2**24


@pytest.mark.parametrize("what", ["weight", "bias"])
def test_a_bound_that_breaks_is_refused(what):
    made = layer(inputs=64)
    with torch.no_grad():
        getattr(made, what).fill_(1e6)
    with pytest.raises(BoundError):
        made.prove_bound()


def test_gradients_reach_weights_and_inputs_through_the_rounding():
    block = ExactBlock(4)
    tiny.scatter(block, 0)
    set_exact(block, True)
    x = (torch.rand(1, 4, 6, 6) * 3).requires_grad_()
    block(x).square().mean().backward()
    assert (x.grad != 0).any()
    for parameter in block.parameters():
        assert (parameter.grad != 0).any()
