import pytest
import torch

from models.networks.bitswap import Bitswap
from models.studies.lossless import first_bits, measure, net_parts
from tests.models import tiny
from tests.models.studies.conftest import grey


def densities(**values):
    return {name: torch.tensor([float(value)]) for name, value in values.items()}


def test_net_bits_are_what_is_pushed_less_what_is_popped():
    bits = densities(y=50, co=20, cg=10, q1=30, p1=45, q2=12, p2=13)
    parts = net_parts(bits, 2)
    assert {name: float(value) for name, value in parts.items()} == {
        "y": 50,
        "co": 20,
        "cg": 10,
        "z1": 15,
        "z2": 1,
    }


@pytest.mark.parametrize(
    ("values", "needed"),
    [
        # Pixels pay for the second level's pop, the first level's push for the third's.
        ({"q1": 30, "q2": 70, "q3": 40, "p1": 45}, 30),
        ({"q1": 30, "q2": 90, "q3": 40, "p1": 45}, 30 + 10),
        ({"q1": 30, "q2": 90, "q3": 50, "p1": 45}, 30 + 10 + 5),
    ],
)
def test_a_pop_takes_from_below_what_was_not_pushed_before(values, needed):
    bits = densities(y=50, co=20, cg=10, p2=60, p3=60, **values)
    assert first_bits(bits, 3).tolist() == [needed]


@pytest.mark.parametrize("block", [32, 64])
def test_figures_of_a_network(block):
    torch.manual_seed(0)
    model = Bitswap(2, 4, 4, 8, 1, 6, 1, 8, 1, 8, 1, block=block).eval()
    pictures = {"a": grey(256, 256), "b": grey(256, 512, seed=1)}
    found = measure(model, pictures)
    assert found["bpp"] == pytest.approx(sum(found["parts"].values()), abs=1e-3)
    assert list(found["parts"]) == ["y", "co", "cg", "z1", "z2"]
    # Bits a block of independent noise can't be fewer than its entropy: log2(120) a component.
    assert found["bpp"] > 3 * 6.9
    assert 0 < found["initial_bits"] <= found["recursive_initial_bits"]
    extra = found["alone_bpp"] - found["bpp"]
    assert extra == pytest.approx(found["initial_bits"] / 65536, abs=2e-4)
    sizes = {"a": 1, "b": 2}
    mean = sum(found["pictures"][name] * size for name, size in sizes.items()) / 3
    assert found["bpp"] == pytest.approx(mean, abs=1e-3)
    assert measure(model, pictures) == found


def test_a_larger_block_needs_more_at_first():
    first = []
    for block in (32, 64):
        model = tiny.bitswap()
        model.block = block
        first.append(measure(model, {"a": grey(256, 256)})["initial_bits"])
    assert first[1] == pytest.approx(4 * first[0], rel=0.1)
