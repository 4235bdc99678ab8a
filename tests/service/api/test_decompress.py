import json

import numpy as np
import pytest

from tests.service.api.conftest import pixels_of


@pytest.mark.parametrize(
    ("fmt", "media_type"), [("png", "image/png"), ("ppm", "image/x-portable-pixmap")]
)
def test_the_picture_comes_back(client, blade, pixels, fmt, media_type):
    response = client.post(f"/decompress?format={fmt}", content=blade)
    assert (response.status_code, response.headers["Content-Type"]) == (200, media_type)
    np.testing.assert_array_equal(pixels_of(response.content), pixels)
    report = json.loads(response.headers["X-Bladestream-Report"])
    assert (report["exact"], report["damaged"], report["damaged_count"]) == (True, [], 0)
    assert list(report["seconds"]) == ["entropy", "write", "total"]
    assert response.headers["Server-Timing"].startswith("queue;dur=")


@pytest.mark.parametrize("fmt", ["jpeg", "webp"])
def test_lossy_formats_are_of_the_same_size(client, blade, pixels, fmt):
    response = client.post(f"/decompress?format={fmt}", content=blade)
    assert response.headers["Content-Type"] == f"image/{fmt}"
    assert pixels_of(response.content).shape == pixels.shape


def test_a_long_list_of_damage_is_cut_to_fit_a_header(client, blade):
    response = client.post("/decompress?roi_only=true", content=blade)
    report = json.loads(response.headers["X-Bladestream-Report"])
    assert report["damaged"] == list(range(256))
    assert report["damaged_count"] == 1000


def test_a_region_is_cut_out(client, blade, pixels):
    response = client.post("/decompress?region=10,5,20,8", content=blade)
    np.testing.assert_array_equal(pixels_of(response.content), pixels[5:13, 10:30])
    assert json.loads(response.headers["X-Bladestream-Report"])["region"] == [10, 5, 20, 8]


@pytest.mark.parametrize(
    "region", ["1,2,3", "0,0,0,1", "-1,0,1,1", "a,b,c,d", "0,0,1,1,1", "0,0,9999999,1", ""]
)
def test_a_malformed_region_is_named(client, blade, region):
    response = client.post("/decompress", params={"region": region}, content=blade)
    problem = response.json()
    assert (response.status_code, problem["errors"][0]["parameter"]) == (422, "region")


@pytest.mark.parametrize("verb", ["decompress", "inspect"])
def test_damage_is_a_problem_at_every_length(client, blade, verb):
    for length in range(1, len(blade), 37):
        response = client.post(f"/{verb}", content=blade[:length])
        assert (response.status_code, response.json()["code"]) == (422, "bad-stream")


def test_inspect_tells_where_bytes_go(client, blade):
    report = client.post("/inspect", content=blade).json()
    assert (report["width"], report["height"], report["bytes"]) == (60, 40, len(blade))
    assert report["models"][0]["known"] is True
    assert report["chunks"]["pixels"] < len(blade)
