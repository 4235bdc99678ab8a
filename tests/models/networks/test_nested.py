import pytest
import torch
from torch import nn

from models.layers.exact import set_exact
from models.networks.measurement import Measurable
from models.networks.nested import NAMES, Nested, under_patches
from models.networks.nested_levels import Inference
from tests.models import tiny

FORMS = {
    "baseline": (False, False),
    "equal": (True, False),
    "logistic": (False, True),
    "hybrid": (True, True),
}
forms = pytest.mark.parametrize("form", FORMS)
depths = pytest.mark.parametrize("levels", [2, 3, 4])


def built(form, levels, channels=(6, 10), **arguments):
    torch.manual_seed(0)
    equal, logistic = FORMS[form]
    network = Nested(levels, equal, logistic, *channels, width=8, features=4, **arguments)
    tiny.scatter(network, 0)
    return network


@forms
@depths
@torch.no_grad()
def test_levels_have_the_grids_of_their_form(form, levels):
    network = built(form, levels)
    y = network.analysis(torch.rand(2, 3, 256, 512) * 255)
    z = network.hyper_analysis(y)
    shapes = [tuple(z.shape)]
    assert network.means(z).shape == (2, 0, 16, 32)
    for level in network.levels.above:
        index = level.index(torch.zeros_like(level.h_a(z)), torch.zeros(2))
        assert index.shape == z.shape
        z = level.h_a(z.abs())
        shapes.append(tuple(z.shape))
    shrinking = [(2, 6, 4, 8), (2, 6, 1, 2), (2, 6, 1, 2)]
    assert shapes == ([(2, 10, 16, 32)] * 3 if FORMS[form][0] else shrinking)[: levels - 1]


@pytest.mark.parametrize("loss", ["noise", "rounding"])
@pytest.mark.parametrize(
    ("form", "levels", "exact"),
    [("baseline", 2, False), ("equal", 3, True), ("logistic", 4, True), ("hybrid", 4, False)],
)
def test_every_part_learns(form, levels, exact, loss):
    network = built(form, levels)
    set_exact(network, exact)
    value, figures = network.losses()[loss](torch.rand(2, 3, 256, 512) * 255)
    value.backward()
    assert torch.isfinite(value)
    assert all(figures[f"bpp_{name}"] > 0 for name in NAMES[1:levels])
    parts = [(name, part) for name, part in network.named_children() if name != "levels"]
    parts += [("levels.h_a", network.levels.h_a), ("levels.density", network.levels.density)]
    for number, level in enumerate(network.levels.above):
        parts += [(f"above.{number}.{name}", part) for name, part in level.named_children()]
    for name, part in parts:
        learning = list(part.parameters())
        assert not learning or any((p.grad != 0).any() for p in learning), name


@forms
@depths
@torch.no_grad()
def test_a_measurement_tells_every_level_the_topmost_last(form, levels):
    network = built(form, levels).eval()
    assert isinstance(network, Measurable)
    rgb = torch.rand(2, 3, 256, 512) * 255
    found = network.measure(rgb, torch.tensor([2.0, 6.0]))
    assert tuple(found.bits) == NAMES[:levels]
    assert found.picture.shape == rgb.shape
    for bits in found.bits.values():
        assert bits.shape == (2,)
        assert (bits > 0).all()
    again = network.measure(rgb[1:], torch.tensor([6.0]))
    for name, bits in again.bits.items():
        assert bits[0] == pytest.approx(float(found.bits[name][1]), rel=1e-4)


@torch.no_grad()
def test_noise_costs_about_what_rounding_does():
    """What training minimises is what is measured, level by level."""
    network = built("hybrid", 4, channels=(6, 30))
    for gains in [network.gains_z, *(level.gains for level in network.levels.above)]:
        nn.init.constant_(gains.logarithm, 2.0)
    y = torch.randn(2, 30, 16, 16) * 500
    quality = torch.tensor([7.0, 8.0])
    symbols, _ = network.upper(y, quality)
    measured = network.upper_bits(y, symbols, quality)
    gain = torch.exp(network.gains_z(quality))[:, :, None, None]
    noisy = network.noisy_upper_bits(network.hyper_analysis(y) * gain, quality)
    assert list(noisy) == list(measured) == list(NAMES[1:])
    for name, bits in measured.items():
        assert float(noisy[name].sum()) == pytest.approx(float(bits.sum()), rel=0.1), name
    assert (symbols != 0).any()


@torch.no_grad()
def test_a_level_tells_the_scale_of_the_one_below():
    network = built("hybrid", 3)
    (level,) = network.levels.above
    quiet = level.index(torch.zeros(1, 10, 16, 16), torch.tensor([4.0]))
    symbols = torch.zeros(1, 10, 16, 16)
    symbols[:, :, 4, 4] = 3
    told = level.index(symbols, torch.tensor([4.0]))
    changed = (told != quiet).any(1)[0]
    assert changed[4, 4]
    assert not changed[10:].any()


@torch.no_grad()
def test_bits_are_those_under_each_patch():
    bits = torch.rand(2, 3, 4, 6)
    found = under_patches(bits, 2).reshape(2, 2, 3)
    assert torch.allclose(found[1, 0, 2], bits[1, :, :2, 4:].sum())
    assert under_patches(torch.ones(1, 5, 1, 2), 1).tolist() == [5, 5]


@torch.no_grad()
def test_flat_latents_stay_flat_up_to_the_border():
    for stride, size in ((4, 2), (1, 8)):
        z = Inference(3, 6, 5, stride)(torch.ones(1, 3, 8, 8))
        assert z.shape == (1, 5, size, size)
        assert torch.allclose(z, z[:, :, :1, :1].expand_as(z), atol=1e-5)


@torch.no_grad()
def test_a_wavelet_start_is_a_codec_before_it_has_learnt_anything():
    grey = nn.functional.interpolate(torch.rand(1, 1, 12, 12) * 200, (256, 256), mode="bicubic")
    rgb = grey.expand(-1, 3, -1, -1)
    error = {}
    for start in (False, True):
        network = built("baseline", 2, channels=(24, 48), wavelet_start=start)
        shown = network.synthesis(network.analysis(rgb), torch.zeros(1, 16, 16))
        error[start] = float((shown - rgb)[:, :, 48:-48, 48:-48].square().mean())
    assert error[True] < 0.02 * float(rgb.var()) < error[False]


@torch.no_grad()
def test_brightness_does_not_drown_the_rest_of_what_z_is_made_of():
    """Bands of a wavelet start are of sizes from some tens to a fraction of one."""
    plain, balanced = (
        built("hybrid", 2, channels=(24, 48), wavelet_start=start).levels.h_a
        for start in (False, True)
    )
    share = balanced[0].weight / plain[0].weight
    assert torch.allclose(share, share[:1, :, :1, :1].expand_as(share), rtol=1e-3)
    lowest, others = share[0, 0, 0, 0], share[0, 1:, 0, 0]
    assert (others > 2 * lowest).all()


@pytest.mark.parametrize("levels", [1, 5])
def test_levels_are_two_to_four(levels):
    with pytest.raises(ValueError, match="2 to 4 levels"):
        Nested(levels)
