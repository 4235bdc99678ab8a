import json

import numpy as np
import pytest

from tests.service.api.conftest import encoded, pixels_of, speckled, until


def report_of(response):
    return json.loads(response.headers["X-Bladestream-Report"])


@pytest.mark.parametrize(
    "kind",
    [
        "image/png",
        "image/x-anything",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "",
    ],
)
def test_a_raw_body_comes_back_as_a_file_with_its_report(client, png, kind):
    response = client.post("/compress", content=png, headers={"Content-Type": kind})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/vnd.bladestream"
    report = report_of(response)
    assert report["bytes"] == len(response.content) == int(response.headers["Content-Length"])
    assert (report["width"], report["height"], report["mode"]) == (60, 40, "lossless")
    assert report["source_bytes"] == len(png)
    assert list(report["seconds"]) == ["read", "segment", "transform", "entropy", "total"]
    assert report["seconds"]["total"] > 0.002


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("*/*", "application/vnd.bladestream"),
        ("text/html, application/*;q=0.8", "application/vnd.bladestream"),
        ("application/octet-stream", "application/octet-stream"),
        ("application/json, */*;q=0.1", "application/vnd.bladestream"),
    ],
)
def test_a_file_comes_as_what_the_client_accepts(client, png, accept, kind):
    response = client.post("/compress?mask=full", content=png, headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, kind)
    assert response.headers["Vary"] == "Accept"
    assert report_of(response)["bytes"] == len(response.content)


def test_all_lines_of_accept_are_read(client, png):
    lines = ["image/png", "application/octet-stream"]
    for order in (lines, lines[::-1]):
        headers = [("Accept", line) for line in order]
        response = client.post("/compress?mask=full", content=png, headers=headers)
        assert response.headers["Content-Type"] == "application/octet-stream"


@pytest.mark.parametrize("accept", ["application/json", "image/*", "*/*;q=0"])
def test_who_accepts_no_file_is_told_so(client, png, accept):
    response = client.post("/compress", content=png, headers={"Accept": accept})
    assert (response.status_code, response.json()["code"]) == (406, "not-acceptable")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["available"][0] == "application/vnd.bladestream"


def test_the_stages_are_in_server_timing(client, png):
    timing = client.post("/compress?mask=full", content=png).headers["Server-Timing"]
    stages = [part.split(";dur=") for part in timing.split(", ")]
    assert [name for name, _ in stages] == ["queue", "read", "transform", "entropy", "total"]
    assert dict(stages)["transform"] == "1.0"


def test_options_reach_the_codec(client, png):
    response = client.post(
        "/compress?mode=lossy&quality=2.5&roi_quality=7&model=other&verify=false", content=png
    )
    report = report_of(response)
    assert (report["quality"], report["roi_quality"]) == (2.5, 7)
    assert (report["model"], report["verified"]) == ("other", False)


@pytest.mark.parametrize(("query", "progressive"), [("", False), ("?progressive=true", True)])
def test_progressive_reaches_the_codec(client, png, query, progressive):
    assert report_of(client.post(f"/compress{query}", content=png))["progressive"] is progressive


@pytest.mark.parametrize(
    ("query", "profile"), [("", "default"), ("?profile=roi-eml&mode=roi-only", "roi-eml")]
)
def test_the_profile_reaches_the_codec(client, png, query, profile):
    assert report_of(client.post(f"/compress{query}", content=png))["profile"] == profile


def test_a_form_brings_the_mask(client, png, pixels):
    mask = np.zeros(pixels.shape[:2], np.uint8)
    mask[:, :15] = 255
    files = {"mask": ("m.png", encoded(mask)), "image": ("i.png", png)}
    response = client.post("/compress", files=files)
    assert response.status_code == 200
    assert report_of(response)["blade_share"] == 0.25


@pytest.mark.parametrize(("mask", "share"), [("full", 1), ("none", 0)])
def test_a_mask_may_be_named(client, png, mask, share):
    for sent in ({"content": png}, {"files": {"image": ("i.png", png)}}):
        report = report_of(client.post(f"/compress?mask={mask}", **sent))
        assert (report["blade_share"], report["mask"]) == (share, mask)
        assert report["found_blade_share"] is None


def half_bright():
    """The fake network takes what is bright for blade."""
    pixels = np.full((48, 72, 3), 20, np.uint8)
    pixels[:, :36] = 230
    return encoded(pixels)


def test_without_a_mask_the_blade_is_found(client):
    picture = half_bright()
    for sent in ({"content": picture}, {"files": {"image": ("i.png", picture)}}):
        report = report_of(client.post("/compress", **sent))
        assert report["mask"] == "found"
        assert report["blade_share"] == pytest.approx(0.5, abs=0.02)
        assert report["found_blade_share"] == pytest.approx(0.5, abs=0.02)
        assert report["warnings"] == []


@pytest.mark.parametrize(("level", "says"), [(0, "No blade was found"), (255, "100.0%")])
def test_in_doubt_all_is_blade(client, level, says):
    picture = encoded(np.full((40, 60, 3), level, np.uint8))
    report = report_of(client.post("/compress", content=picture))
    assert (report["mask"], report["blade_share"]) == ("full", 1)
    (warning,) = [text for text in report["warnings"] if says in text]
    assert (
        report["warnings"][report["warnings"].index(warning) + 1] == "All of it is kept as blade."
    )


def test_without_a_model_that_finds_it_all_is_blade(other_client, png):
    client = other_client(codec="tests.service.api.fake_codec:open_blind_codec")
    until(lambda: client.get("/readyz").status_code == 200)
    report = report_of(client.post("/compress", content=png))
    assert (report["mask"], report["blade_share"]) == ("full", 1)
    assert "no model that finds the blade" in report["warnings"][0]
    refused = client.post("/segment", content=png)
    assert (refused.status_code, refused.json()["code"]) == (503, "model-unavailable")
    assert "bladestream_segmented_pictures_total{" not in client.get("/metrics").text


def test_a_surface_s_forest_votes_from_the_fifth_picture_on(client):
    reports = []
    for seed in range(6):
        picture = encoded(speckled(seed))
        reports.append(report_of(client.post("/compress?surface=WT-07/B", content=picture)))
    assert [report["forest_used"] for report in reports] == [False] * 4 + [True] * 2


def test_a_surface_and_a_mask_contradict(client, png):
    response = client.post("/compress?surface=B&mask=none", content=png)
    assert (response.status_code, response.json()["code"]) == (422, "bad-parameter")


def test_a_mask_of_another_size_is_refused(client, png):
    mask = encoded(np.zeros((9, 9), np.uint8))
    response = client.post("/compress", files={"image": ("i", png), "mask": ("m", mask)})
    assert (response.status_code, response.json()["code"]) == (422, "bad-mask")


def test_a_mask_sent_and_a_mask_named_contradict(client, png):
    response = client.post("/compress?mask=none", files={"image": ("i", png), "mask": ("m", png)})
    assert (response.status_code, response.json()["code"]) == (422, "bad-parameter")


@pytest.mark.parametrize("mode", ["lossless", "roi-only", "lossy"])
def test_the_mode_reaches_the_codec(client, png, mode):
    report = report_of(client.post(f"/compress?mode={mode}", content=png))
    assert report["mode"] == mode


@pytest.mark.parametrize(
    "query",
    [
        "mode=lossless&roi_quality=6",
        "mode=roi-only&roi_quality=6",
        "mode=lossy&lossless_model=pyramid",
        "roi_quality=6&lossless_model=pyramid",
        "profile=roi-eml&model=lite",
        "profile=roi-eml&lossless_model=bitswap",
    ],
)
def test_parameters_that_contradict_each_other_are_refused(client, png, query):
    response = client.post(f"/compress?{query}", content=png)
    assert (response.status_code, response.json()["code"]) == (422, "bad-parameter")


def test_a_file_larger_than_what_was_posted_says_so_in_a_header(client, png):
    rng = np.random.default_rng(0)
    noise = encoded(rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    for body, larger in ((png, True), (noise, False)):
        response = client.post("/compress", content=body)
        assert report_of(response)["larger_than_source"] is larger
        expected = "true" if larger else None
        assert response.headers.get("X-Bladestream-Larger-Than-Source") == expected


@pytest.mark.parametrize(
    "query",
    [
        "quality=nan",
        "quality=0.99",
        "quality=8.01",
        "quality=-1",
        "roi_quality=inf",
        "target_bytes=0",
        "target_bytes=-5",
        "target_bytes=1e3",
        "model=../lite",
        "mask=some",
        "surface=",
        "surface=%00",
        "mode=other",
        "profile=paper",
        "metadata=all",
        "qualty=3",
    ],
)
def test_nonsense_is_named_before_the_body_is_looked_at(client, query):
    response = client.post(f"/compress?{query}", content=b"")
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "bad-parameter")
    assert [error["parameter"] for error in problem["errors"]] == [query.split("=")[0]]


def test_a_parameter_given_twice_is_refused(client, png):
    response = client.post("/compress?quality=3&verify=true&quality=8", content=png)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "bad-parameter")
    assert [error["parameter"] for error in problem["errors"]] == ["quality"]


def test_what_is_no_picture_is_refused(client, png):
    response = client.post("/compress", content=b"no picture at all")
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-picture")
    response = client.post("/compress", content=png[: len(png) // 2])
    assert (response.status_code, response.json()["code"]) == (422, "bad-picture")


def test_a_picture_with_too_many_pixels_is_refused(client):
    data = encoded(np.zeros((400, 400), np.uint8))
    response = client.post("/compress", content=data)
    assert (response.status_code, response.json()["code"]) == (413, "picture-too-large")


def test_grey_stays_grey(client):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    blade = client.post("/compress", content=encoded(grey)).content
    response = client.post("/decompress?format=ppm", content=blade)
    assert response.headers["Content-Type"] == "image/x-portable-graymap"
    np.testing.assert_array_equal(pixels_of(response.content), grey)
