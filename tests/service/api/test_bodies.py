"""Limits on what is sent, whatever it claims to be."""

import pytest

LIMIT = 200_000


def problem(response):
    assert response.headers["Content-Type"] == "application/problem+json"
    members = response.json()
    assert members["status"] == response.status_code
    assert members["request_id"] == response.headers["X-Request-ID"]
    return response.status_code, members["code"]


@pytest.mark.parametrize("verb", ["compress", "segment", "decompress", "inspect"])
def test_an_empty_body_is_refused(client, verb):
    code = "bad-picture" if verb in ("compress", "segment") else "bad-stream"
    assert problem(client.post(f"/{verb}", content=b"")) == (422, code)


@pytest.mark.parametrize("verb", ["compress", "segment", "decompress", "inspect"])
def test_a_declared_length_over_the_limit_is_refused_unread(client, verb):
    headers = {"Content-Length": str(LIMIT + 1)}
    response = client.post(f"/{verb}", content=b"x", headers=headers)
    assert problem(response) == (413, "picture-too-large")
    assert response.json()["limit"] == LIMIT


@pytest.mark.parametrize("verb", ["compress", "segment", "decompress", "inspect"])
def test_a_length_that_lies_does_not_help(client, verb):
    response = client.post(f"/{verb}", content=b"x" * (LIMIT + 1), headers={"Content-Length": "10"})
    assert problem(response) == (413, "picture-too-large")


def test_a_form_has_the_same_limit(client):
    response = client.post("/compress", files={"image": ("i", b"x" * (LIMIT + 1))})
    assert problem(response) == (413, "picture-too-large")


@pytest.mark.parametrize(
    ("verb", "kind"),
    [
        ("compress", "text/plain"),
        ("segment", "application/json"),
        ("decompress", "image/png"),
        ("inspect", "multipart/form-data; boundary=x"),
    ],
)
def test_other_content_types_are_refused(client, verb, kind):
    response = client.post(f"/{verb}", content=b"x", headers={"Content-Type": kind})
    assert problem(response) == (415, "unsupported-picture")


def test_an_encoded_body_is_refused(client):
    response = client.post("/compress", content=b"x", headers={"Content-Encoding": "gzip"})
    assert problem(response) == (415, "unsupported-picture")


@pytest.mark.parametrize(
    "parts",
    [
        [("mask", ("m", b"x"))],
        [("image", ("i", b""))],
        [("image", ("i", b"x")), ("image", ("j", b"x"))],
        [("image", ("i", b"x")), ("other", ("o", b"x"))],
        [("image", ("i", b"x")), ("mask", ("m", b"x")), ("mask", ("n", b"x"))],
        [("image", ("i", b"x")), ("quality", (None, b"3"))],
        [("image", (None, b"x"))],
    ],
)
def test_a_form_of_other_parts_is_refused(client, parts):
    assert problem(client.post("/compress", files=parts))[0] == 422


@pytest.mark.parametrize(
    "parts",
    [
        [("mask", ("m", b"x"))],
        [("image", ("i", b""))],
        [("image", ("i", b"x")), ("mask", ("m", b"x"))],
        [("image", ("i", b"x")), ("surface", (None, b"B"))],
        [("image", (str(number), b"x")) for number in range(41)],
    ],
)
def test_a_form_to_segment_holds_pictures_alone(client, parts):
    assert problem(client.post("/segment", files=parts))[0] == 422


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=x", b"no boundary in here"),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"a" * 9000 + b": b\r\n\r\n\r\n--x--"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Type: image/png\r\n\r\n1\r\n--x--"),
        (
            "multipart/form-data; boundary=x; charset=punycode",
            b'--x\r\nContent-Disposition: form-data; name="\xff-"; filename="i"\r\n\r\n1\r\n--x--',
        ),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="image"; filename="i"\r\n'
            + b"a: b\r\n" * 9000
            + b"\r\n1\r\n--x--",
        ),
    ],
)
def test_a_malformed_form_is_refused(client, kind, body):
    for verb in ("compress", "segment"):
        response = client.post(f"/{verb}", content=body, headers={"Content-Type": kind})
        assert problem(response)[0] == 422
