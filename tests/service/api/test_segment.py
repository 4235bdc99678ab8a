"""POST /segment, with a network that takes what is bright for blade."""

import json

import numpy as np
import pytest

from service.api.accept import choose
from service.errors import NotAcceptable
from tests.service.api.conftest import encoded, pixels_of, speckled, until

BLADE = np.s_[30:70, :]


def report_of(response):
    return json.loads(response.headers["X-Bladestream-Report"])


@pytest.fixture(scope="module")
def photo():
    """A bright bar from left to right, 150x100."""
    pixels = np.full((100, 150, 3), 30, np.uint8)
    pixels[BLADE] = 220
    return pixels


@pytest.fixture(scope="module")
def body(photo):
    return encoded(photo)


def test_the_mask_is_a_picture_of_the_same_size(client, body):
    response = client.post("/segment", content=body)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "image/png"
    mask = pixels_of(response.content)
    assert (mask.dtype, mask.shape) == (np.uint8, (100, 150))
    assert set(np.unique(mask)) == {0, 255}
    assert mask[32:68].all()
    assert not mask[:28].any()
    assert not mask[72:].any()


def test_the_report_comes_with_the_mask(client, body):
    response = client.post("/segment", files={"image": ("tip.png", body)})
    report = report_of(response)
    assert (report["name"], report["width"], report["height"]) == ("tip.png", 150, 100)
    assert report["blade_share"] == pytest.approx(0.4, abs=0.02)
    assert report["steps"] == ["network", "holes"]
    assert report["forest_used"] is False
    assert report["warnings"] == []
    assert "polygons" not in report
    assert list(report["seconds"]) == [
        "read",
        "resize",
        "network",
        "holes",
        "forest",
        "write",
        "total",
    ]
    assert "network;dur=" in response.headers["Server-Timing"]


def test_outlines_come_as_json(client, photo, body):
    response = client.post("/segment", content=body, headers={"Accept": "application/json"})
    assert response.headers["Content-Type"] == "application/json"
    found = response.json()
    ((ring,),) = found["polygons"]
    xs, ys = np.transpose(ring)
    assert (xs.min(), xs.max()) == (0, 150)
    assert (ys.min(), ys.max()) == pytest.approx((30, 70), abs=1)
    assert found["run_lengths"]["size"] == [100, 150]
    assert sum(found["run_lengths"]["counts"]) == photo[..., 0].size
    mask = pixels_of(client.post("/segment", content=body).content)
    assert sum(found["run_lengths"]["counts"][1::2]) == (mask == 255).sum()


def test_an_overlay_shows_the_picture_with_its_blade_marked(client, photo, body):
    response = client.post("/segment", content=body, headers={"Accept": "image/jpeg"})
    assert response.headers["Content-Type"] == "image/jpeg"
    shown = pixels_of(response.content).astype(int)
    assert shown.shape == photo.shape
    assert abs(shown[:25] - 30).max() < 8  # background as it was
    assert abs(shown[45:55] - 220).max() > 30  # blade tinted


@pytest.mark.parametrize("flips", [1, 2, 4])
def test_flips_may_be_chosen(client, body, flips):
    assert client.post(f"/segment?flips={flips}", content=body).status_code == 200


def test_several_pictures_are_answered_in_their_order(client):
    files = [("image", (f"{seed}.png", encoded(speckled(seed)))) for seed in range(6)]
    answer = client.post("/segment", files=files).json()
    assert answer["surface"] is None
    assert [picture["name"] for picture in answer["pictures"]] == [name for _, (name, _) in files]
    for picture in answer["pictures"]:
        assert picture["forest_used"] is True
        assert picture["steps"] == ["network", "holes", "forest_vote", "final"]
        assert picture["blade_share"] == pytest.approx(25 / 60, abs=0.04)


def test_pictures_of_mixed_sizes_are_one_surface(client):
    shapes = [(60, 90), (90, 60), (61, 61), (1, 1), (300, 40)]
    pictures = [np.resize(speckled(seed), (*shape, 3)) for seed, shape in enumerate(shapes)]
    files = [("image", (f"{n}.png", encoded(pixels))) for n, pixels in enumerate(pictures)]
    answer = client.post("/segment", files=files).json()
    found = [(picture["height"], picture["width"]) for picture in answer["pictures"]]
    assert found == shapes
    assert all(
        picture["run_lengths"]["size"] == list(shape)
        for picture, shape in zip(answer["pictures"], shapes, strict=True)
    )


def test_one_that_cannot_be_read_does_not_keep_the_others(client):
    files = [("image", (f"{seed}.png", encoded(speckled(seed)))) for seed in range(7)]
    files[2] = ("image", ("cut.png", files[2][1][1][:300]))
    files[4] = ("image", ("none.txt", b"no picture"))
    files[5] = ("image", ("empty.png", b""))
    response = client.post("/segment", files=files)
    assert response.status_code == 200
    pictures = response.json()["pictures"]
    problems = {n: picture["problem"] for n, picture in enumerate(pictures) if "problem" in picture}
    assert {n: (problem["code"], problem["status"]) for n, problem in problems.items()} == {
        2: ("bad-picture", 422),
        4: ("unsupported-picture", 415),
        5: ("bad-picture", 422),
    }
    assert [pictures[n]["name"] for n in problems] == ["cut.png", "none.txt", "empty.png"]
    assert all("run_lengths" in pictures[n] for n in (0, 1, 3, 6))


def test_if_none_can_be_read_the_request_fails(client):
    files = [("image", ("a", b"no picture")), ("image", ("b", b"none either"))]
    response = client.post("/segment", files=files)
    assert (response.status_code, response.json()["code"]) == (415, "unsupported-picture")


def test_a_surface_is_remembered_from_request_to_request(client):
    used = []
    for seed in range(6):
        response = client.post("/segment?surface=WT-1/A", content=encoded(speckled(seed)))
        used.append(report_of(response)["forest_used"])
    assert used == [False] * 4 + [True] * 2
    other = client.post("/segment?surface=WT-1/B", content=encoded(speckled(0)))
    assert report_of(other)["forest_used"] is False


@pytest.mark.parametrize(("level", "says"), [(0, "No blade"), (255, "taken for blade")])
def test_a_doubtful_share_is_warned_of(client, level, says):
    response = client.post("/segment", content=encoded(np.full((30, 40), level, np.uint8)))
    assert says in report_of(response)["warnings"][0]


def test_a_mask_that_is_empty_for_want_of_pixels_is_warned_of(client):
    """Bright in the middle of its only bright pixel, and of no pixel as a whole."""
    pixels = np.zeros((3, 3), np.uint8)
    pixels[1, 1] = 140
    told = client.post("/segment", content=encoded(pixels))
    assert not pixels_of(told.content).any()
    outlined = client.post(
        "/segment", content=encoded(pixels), headers={"Accept": "application/json"}
    ).json()
    assert outlined["run_lengths"]["counts"] == [9]
    for report in (report_of(told), outlined):
        assert report["blade_share"] > 0
        assert report["warnings"] == [
            "Some blade was found, too little for one of the picture's pixels."
        ]


@pytest.mark.parametrize(
    "query",
    ["flips=3", "flips=0", "flips=two", "flips=", "surface=%0A", "surface=" + "x" * 101, "f=1"],
)
def test_nonsense_is_refused(client, body, query):
    response = client.post(f"/segment?{query}", content=body)
    assert (response.status_code, response.json()["code"]) == (422, "bad-parameter")


def test_an_answer_that_nobody_accepts_is_refused(client, body):
    response = client.post("/segment", content=body, headers={"Accept": "text/html"})
    assert (response.status_code, response.json()["code"]) == (406, "not-acceptable")
    files = [("image", ("a", body)), ("image", ("b", body))]
    response = client.post("/segment", files=files, headers={"Accept": "image/png"})
    assert (response.status_code, response.json()["available"]) == (406, ["application/json"])


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "image/png"),
        ("", "image/png"),
        ("*/*", "image/png"),
        ("nonsense", "image/png"),
        ("application/json", "application/json"),
        ("image/*", "image/png"),
        ("image/*;q=0.5, application/json", "application/json"),
        ("image/png;q=0, image/*", "image/jpeg"),
        ("IMAGE/JPEG; q=1.0", "image/jpeg"),
        ("text/html, application/json;q=0.9, */*;q=0.8", "application/json"),
        (["application/json;q=0.5, image/jpeg", "text/html, image/png;q=0.1"], "image/jpeg"),
        (["text/html, image/png;q=0.1", "application/json;q=0.5, image/jpeg"], "image/jpeg"),
    ],
)
def test_the_best_liked_is_chosen(accept, expected):
    lines = [accept] if isinstance(accept, str) else accept
    assert choose(lines, ["image/png", "application/json", "image/jpeg"]) == expected


def test_a_refusal_of_everything_is_one():
    with pytest.raises(NotAcceptable):
        choose(["*/*;q=0"], ["image/png"])


def test_metrics_count_what_was_segmented(other_client, body):
    client = other_client()
    client.post("/segment", content=body)
    told = client.get("/metrics").text
    assert 'bladestream_segmented_pictures_total{forest="unused"} 1.0' in told
    assert "bladestream_segmentation_available 1.0" in told
    assert 'bladestream_stage_seconds_count{stage="network"} 1.0' in told


def test_a_deadline_ends_it_between_runs_of_the_network(other_client):
    client = other_client(
        codec="tests.service.api.fake_codec:open_slow_codec", request_timeout_seconds=1.2, jobs=1
    )
    until(lambda: client.get("/readyz").status_code == 200)
    picture = encoded(speckled(0))
    response = client.post("/segment?flips=4", content=picture)
    assert (response.status_code, response.json()["code"]) == (504, "deadline-exceeded")
    # The worker has let go of it, and lives.
    until(lambda: client.post("/segment?flips=1", content=picture).status_code == 200)
    assert client.get("/healthz").json()["worker"]["restarts"] == 0
