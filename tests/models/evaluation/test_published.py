from models.evaluation.published import curves_for

KODAK = [f"kodim{number:02d}.png" for number in range(1, 25)]


def test_all_of_kodak_brings_the_published_curves():
    curves = curves_for(KODAK)
    assert {"published-bmshj2018-hyperprior", "published-av1", "published-vtm"} == set(curves)
    for curve in curves.values():
        assert "@" in curve.source  # repository and commit
        rates, qualities = zip(*curve.points, strict=True)
        assert list(rates) == sorted(rates)
        assert list(qualities) == sorted(qualities)
        assert len(curve.report()["curve"]["psnr"]) == len(rates) >= 6


def test_a_part_of_kodak_or_more_than_it_brings_none():
    assert curves_for(KODAK[:-1]) == {}
    assert curves_for([*KODAK, "other.png"]) == {}
