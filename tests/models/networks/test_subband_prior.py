import pytest
import torch

from models.networks.lite_transform import groups
from models.networks.subband_prior import magnitude, signed_feature
from tests.models import tiny

QUALITY = torch.tensor([0.0, 64.0, 511.0])


@torch.no_grad()
def indices(prior, symbols, features=None, quality=QUALITY):
    features = tiny.features(3, seed=7) if features is None else features
    return prior(features, quality, symbols)


@pytest.mark.parametrize("changed", range(7))
def test_a_group_is_seen_by_later_groups_and_by_no_other(changed):
    prior = tiny.prior()
    symbols = tiny.symbols(3, seed=1)
    before = indices(prior, symbols)
    symbols[changed] = tiny.symbols(3, seed=2, largest=60)[changed]
    after = indices(prior, symbols)
    for position in range(7):
        seen = not torch.equal(before[position], after[position])
        assert seen == (position > changed)


def test_a_patch_depends_on_no_other():
    prior = tiny.prior()
    symbols, features = tiny.symbols(3, seed=1), tiny.features(3, seed=7)
    quality = QUALITY.clone()
    before = indices(prior, symbols, features, quality)
    for group, other in zip(symbols, tiny.symbols(3, seed=2, largest=300), strict=True):
        group[1] = other[1]
    features[1] = tiny.features(3, seed=8)[1]
    quality[1] = 300
    after = indices(prior, symbols, features, quality)
    for a, b in zip(before, after, strict=True):
        assert torch.equal(a[[0, 2]], b[[0, 2]])
        assert not torch.equal(a[1], b[1])


def test_quality_is_seen_by_every_group():
    prior, symbols = tiny.prior(), tiny.symbols(3, seed=1)
    low, high = (indices(prior, symbols, quality=torch.full((3,), q)) for q in (10.0, 500.0))
    assert all(not torch.equal(a, b) for a, b in zip(low, high, strict=True))


def test_indices_have_the_shape_of_their_symbols():
    symbols = tiny.symbols(3, seed=1)
    for index, ints, group in zip(indices(tiny.prior(), symbols), symbols, groups(), strict=True):
        assert index.shape == ints.shape == (3, group.native, 16 * group.fold, 16 * group.fold)


@torch.no_grad()
def test_top_features_are_local():
    """A damaged band of z reaches two of its rows and no further."""
    top = tiny.top()
    z = torch.zeros(1, tiny.TOP_CHANNELS, 12, 8)
    before = top(z)
    z[:, :, 0] = 40
    changed = (top(z) != before).any(1).any(2)[0]
    assert changed[:4].any()
    assert not changed[12:].any()


def test_features_of_symbols_are_u8_integers():
    symbols = torch.tensor([-1e6, -300.0, -32, -1, 0, 1, 2, 31, 255, 1e6])
    for feature in (magnitude, signed_feature):
        u8 = feature(symbols) * 32
        assert torch.equal(u8, u8.round())
        assert u8.min() >= 0
        assert u8.max() <= 255
    assert magnitude(symbols)[4] == 0
    assert torch.equal(magnitude(symbols), magnitude(-symbols))
    assert signed_feature(symbols)[3] < signed_feature(symbols)[5]
