import hashlib

import pytest

from tests.service.api.conftest import until
from tests.service.api.test_bodies import problem


def test_probes_tell_their_detail(client):
    assert client.get("/livez").json() == {"status": "alive"}
    assert client.get("/readyz").json() == {"status": "ready", "reasons": []}
    health = client.get("/healthz").json()
    assert health["worker"]["provider"] == "cpu"
    assert health["worker"]["zoo"]["known_answers"] == "right"
    assert health["queue"] == {"depth": 0, "capacity": 8}
    assert health["memory"]["worker_bytes"] > 1_000_000
    assert health["models"][0]["name"] == "fake"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/healthz"])
def test_probes_may_ask_for_the_head_alone(client, path):
    assert client.head(path).status_code == 200


def test_models_are_listed(client):
    listed = client.get("/models").json()
    assert (listed["provider"], listed["default"]) == ("cpu", "lite")
    assert listed["models"][0]["digest"]


def test_the_documentation_needs_no_other_host(client):
    page = client.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "://" not in page.text
    for path in client.get("/openapi.json").json()["paths"]:
        assert path in page.text
    assert "<td>roi_quality</td><td>query</td><td>number from 1 to 8</td>" in page.text


def samples(client):
    lines = client.get("/metrics").text.splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_metrics_count_what_was_done(client, png):
    name = 'bladestream_requests_total{route="/compress",status="200"}'
    before = samples(client)
    client.post("/compress?mask=none", content=png)
    after = samples(client)

    def grown(key):
        return float(after[key]) - float(before.get(key, 0))

    assert grown(name) == 1
    assert grown("bladestream_pixels_total") == 60 * 40
    assert grown("bladestream_blade_share_count") == 1
    assert grown("bladestream_blade_share_sum") == 0
    assert grown('bladestream_stage_seconds_count{stage="entropy"}') == 1
    assert grown('bladestream_request_seconds_count{route="/compress"}') == 1
    assert grown('bladestream_bytes_total{direction="in"}') == len(png)
    assert grown('bladestream_bytes_total{direction="out"}') > 0
    assert after["bladestream_queue_depth"] == "0.0"
    assert after["bladestream_device_memory_bytes"] == "4096.0"


def test_labels_do_not_depend_on_what_is_asked(client):
    client.get("/some/path/of/mine")
    client.get("/pictures/" + "a" * 64)
    text = client.get("/metrics").text
    assert "mine" not in text
    assert "aaaa" not in text
    assert 'route="/pictures/{picture_id}",status="404"' in text


class TestKeys:
    @pytest.fixture
    def closed(self, other_client):
        digests = [hashlib.sha256(key).hexdigest() for key in (b"old", b"new")]
        return other_client(api_key_sha256=digests)

    def test_probes_are_open_and_the_rest_is_not(self, closed, png):
        for path in ("/livez", "/readyz", "/healthz"):
            assert closed.get(path).status_code == 200
        for key in (None, "Bearer wrong", "Bearer", "Basic b2xk", "Bearer \xe9"):
            headers = [] if key is None else [(b"authorization", key.encode("latin-1"))]
            for response in (
                closed.post("/compress", content=png, headers=headers),
                closed.get("/models", headers=headers),
                closed.get("/metrics", headers=headers),
                closed.get("/pictures/x", headers=headers),
            ):
                assert problem(response) == (401, "unauthorised")
                assert response.headers["WWW-Authenticate"] == "Bearer"
        for key in ("old", "new"):
            headers = {"Authorization": f"Bearer {key}"}
            assert closed.post("/compress", content=png, headers=headers).status_code == 200


def test_draining_refuses_new_work(other_client, png):
    client = other_client()
    client.app.state.service.admission.close()
    assert client.get("/readyz").json()["reasons"] == ["the service is shutting down"]
    response = client.post("/compress", content=png)
    assert problem(response) == (503, "busy")
    assert "Retry-After" in response.headers
    until(lambda: client.get("/livez").status_code == 200)
