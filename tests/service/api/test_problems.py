import pytest

from tests.service.api.test_bodies import problem


def test_nothing_there(client):
    assert problem(client.get("/nowhere")) == (404, "not-found")


def test_a_slash_too_many_is_not_redirected(client):
    response = client.get("/livez/", headers={"Host": "elsewhere"}, follow_redirects=False)
    assert problem(response) == (404, "not-found")


def test_another_method(client):
    response = client.get("/compress")
    assert problem(response) == (405, "method-not-allowed")
    assert response.headers["Allow"] == "POST"


def test_what_nobody_foresaw_is_not_told(app, client, monkeypatch):
    def fail(data):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(app.state.service.metrics, "text", lambda: fail(b""))
    response = client.get("/metrics")
    assert problem(response) == (500, "internal-error")
    assert "secret" not in response.text


@pytest.mark.parametrize("given", ["flight-7.photo_42", "a" * 128])
def test_the_clients_request_id_is_kept(client, given):
    response = client.get("/livez", headers={"X-Request-ID": given})
    assert response.headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b', "a,b;c"])
def test_an_unfit_request_id_is_replaced(client, given):
    answered = client.get("/livez", headers={"X-Request-ID": given}).headers["X-Request-ID"]
    assert len(answered) == 32
