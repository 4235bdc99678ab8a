import pytest

from models.evaluation.points import Point
from models.evaluation.published import Published
from models.evaluation.summary import Codec, compare, in_decibels

PSNRS = {"a": [30.0, 33.0, 36.0], "b": [34.0, 38.0, 41.0]}
SIZES = {"a": (100, 50), "b": (40, 20)}


IN_PSNR = [("ours", "psnr")]


def codec(scale: float, title: str = "codec") -> Codec:
    """Files of 100, 200 and 400 bytes times ``scale``, each taking 2 and 1 seconds."""
    made = Codec(title, "quality", [1.0, 2.0, 3.0], "1")
    for name, psnrs in PSNRS.items():
        sizes = (100 * scale, 200 * scale, 400 * scale)
        points = [
            Point(int(size), psnr, 0.9 if name == "a" else None, 2.0, 1.0)
            for size, psnr in zip(sizes, psnrs, strict=True)
        ]
        made.add(name, SIZES[name], points)
    return made


def test_means_are_over_pictures_not_pixels():
    means = codec(1).means()
    assert means["bpp"][0] == pytest.approx((800 / 5000 + 800 / 800) / 2)
    assert means["psnr"] == [32.0, 35.5, 38.5]


def test_ms_ssim_is_averaged_over_the_pictures_that_have_one():
    assert codec(1).means()["ms_ssim"] == [0.9, 0.9, 0.9]


def test_a_setting_that_loses_nothing_on_a_picture_has_no_place_on_the_curve():
    made = codec(1)
    made.points["a"] = [*made.points["a"][:2], Point(400, None, 1.0, 2.0, 1.0)]
    assert made.means()["psnr"] == [32.0, 35.5, None]
    assert len(made.averaged()) == 2
    assert len(made.curve("a")) == 2
    assert len(made.curve("b")) == 3


def test_seconds_are_spread_over_all_pixels():
    seconds = codec(1).seconds_a_megapixel()
    assert seconds["encode"] == pytest.approx(1e6 * 12 / (3 * 5800))
    assert seconds["decode"] == pytest.approx(1e6 * 6 / (3 * 5800), abs=1e-3)


def test_a_codec_that_needs_half_the_bits_has_minus_fifty_by_every_account():
    published = {"elsewhere": Published("Elsewhere", "a paper", codec(2).averaged())}
    report = compare({"ours": codec(1)}, {"peer": codec(2)}, published, IN_PSNR)
    (comparison,) = report["comparisons"]
    assert (comparison["codec"], comparison["measure"]) == ("ours", "psnr")
    assert list(comparison["bd_rate"]) == ["peer", "elsewhere"]
    against = comparison["bd_rate"]["peer"]
    assert against["of_curves"] == pytest.approx(-50)
    assert against["of_pictures"] == pytest.approx(-50)
    assert against["pictures"] == pytest.approx({"a": -50, "b": -50})
    assert comparison["bd_rate"]["elsewhere"]["of_curves"] == pytest.approx(-50)
    assert list(report["codecs"]) == ["ours", "peer"]


def test_the_two_accounts_differ_where_pictures_do():
    theirs = codec(1)
    theirs.points["b"] = [
        Point(point.bytes * 4, point.psnr, None, 2.0, 1.0) for point in theirs.points["b"]
    ]
    report = compare({"ours": codec(1)}, {"peer": theirs}, {}, IN_PSNR)
    against = report["comparisons"][0]["bd_rate"]["peer"]
    assert against["pictures"] == pytest.approx({"a": 0, "b": -75})
    assert against["of_pictures"] == pytest.approx(-37.5)
    # Picture b has most of the bits a pixel, and so most of the averaged curve.
    assert against["of_curves"] < -60


def similar(scale: float, values: tuple[float, ...] = (0.9, 0.97, 0.99)) -> Codec:
    """As ``codec``, with MS-SSIM that rises."""
    made = codec(scale)
    for name, points in made.points.items():
        made.points[name] = [
            Point(point.bytes, point.psnr, value, 2.0, 1.0)
            for point, value in zip(points, values, strict=True)
        ]
    return made


def test_ms_ssim_is_compared_in_decibels():
    assert in_decibels("ms_ssim", 0.99) == pytest.approx(20)
    assert in_decibels("psnr", 31.5) == 31.5
    assert in_decibels("ms_ssim", 1.0) is None
    assert in_decibels("ms_ssim", None) is None
    published = {"elsewhere": Published("Elsewhere", "a paper", codec(2).averaged())}
    ours = {"ours": similar(1)}
    report = compare(ours, {"peer": similar(2)}, published, [("ours", "ms_ssim")])
    rates = report["comparisons"][0]["bd_rate"]
    assert rates["peer"]["of_curves"] == pytest.approx(-50)
    assert rates["peer"]["pictures"] == pytest.approx({"a": -50, "b": -50})
    assert list(rates) == ["peer"]  # published curves are in PSNR


def test_each_model_is_judged_in_what_it_is_for():
    """The tuned one needs half of our bits for the same MS-SSIM, and more for the same PSNR."""
    tuned = similar(0.5)
    for name, points in tuned.points.items():
        tuned.points[name] = [
            Point(point.bytes, point.psnr - 6, point.ms_ssim, 2.0, 1.0) for point in points
        ]
    ours = {"ours": similar(1), "large": similar(0.75), "tuned": tuned}
    judged = [("ours", "psnr"), ("large", "psnr"), ("tuned", "ms_ssim")]
    report = compare(ours, {"peer": similar(2)}, {}, judged)
    assert list(report["codecs"]) == ["ours", "large", "tuned", "peer"]
    own, large, similarity = (each["bd_rate"] for each in report["comparisons"])
    assert own["peer"]["of_curves"] == pytest.approx(-50)
    assert own["tuned"]["of_curves"] < -40
    assert large["ours"]["of_curves"] == pytest.approx(-25)
    assert large["peer"]["of_curves"] == pytest.approx(-62.5)
    assert similarity["peer"]["of_curves"] == pytest.approx(-75)
    assert similarity["ours"]["of_curves"] == pytest.approx(-50)
    assert "tuned" not in similarity
