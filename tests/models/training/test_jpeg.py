import torch

from models.layers.ycbcr import from_ycbcr, to_ycbcr
from models.training.jpeg import as_stored, comes_from_jpeg, magnified, with_jpeg


def pictures(count=3, side=64):
    """Coarse colours under grain: nothing that a JPEG has been through."""
    generator = torch.Generator().manual_seed(4)
    coarse = torch.rand((count, 3, side // 16, side // 16), generator=generator) * 160 + 40
    grain = torch.randn((count, 3, side, side), generator=generator) * 8
    return (coarse.repeat_interleave(16, 2).repeat_interleave(16, 3) + grain).clamp(0, 255).round()


def every(count=3):
    return torch.ones(count, dtype=torch.bool)


def test_only_the_chosen_go_through_a_jpeg():
    torch.manual_seed(1)
    rgb = pictures()
    coded = with_jpeg(rgb, torch.tensor([True, False, True]))
    assert torch.equal(coded[1], rgb[1])
    changed = (coded - rgb).abs().mean((1, 2, 3))
    assert (changed[[0, 2]] > 0.5).all() and (changed < 12).all()
    assert comes_from_jpeg(coded).tolist() == [True, False, True]
    assert torch.equal(from_ycbcr(to_ycbcr(coded))[0], coded[0])


def test_the_blocks_of_a_jpeg_begin_at_the_first_pixel():
    torch.manual_seed(2)
    coded = torch.cat([with_jpeg(pictures(8), every(8)) for _ in range(4)])
    luma = coded.mean(1)
    steps = (luma[:, :, 1:] - luma[:, :, :-1]).abs().mean((0, 1))
    # Grain is lost within blocks, less across their borders.
    inside = torch.tensor([column % 8 != 7 for column in range(63)])
    # Every other border is one of the picture's own squares.
    borders = torch.tensor([column % 16 == 7 for column in range(63)])
    assert steps[borders].mean() > steps[inside].mean()


def test_magnified_pictures_keep_their_size_and_lose_their_grain():
    torch.manual_seed(3)
    rgb = pictures()
    larger = magnified(rgb, torch.tensor([False, True, True]))
    assert larger.shape == rgb.shape
    assert torch.equal(larger[0], rgb[0])
    assert larger.min() >= 0 and larger.max() <= 255

    def grain(each):
        return (each[:, :, 1:] - each[:, :, :-1]).abs().mean()

    assert grain(larger[1]) < 0.9 * grain(rgb[1])


def test_every_picture_comes_out_of_a_jpeg_and_those_that_did_are_often_left_alone():
    torch.manual_seed(5)
    assert comes_from_jpeg(as_stored(pictures(12))).all()
    before = with_jpeg(pictures(40), every(40))
    after = as_stored(before)
    alone = (before == after).all(3).all(2).all(1)
    assert 20 <= int(alone.sum()) < 40
    assert comes_from_jpeg(after).all()
