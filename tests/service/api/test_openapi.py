"""The API does what its description says, for requests that nobody thought of."""

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from service.api import openapi
from service.api.app import create_app
from service.settings import Settings
from tests.service.api.conftest import FAKE_CODEC

folder = tempfile.TemporaryDirectory()
app = create_app(
    Settings(
        archive_path=Path(folder.name),
        api_key_sha256=(hashlib.sha256(b"key").hexdigest(),),
        log_level="critical",
    ),
    FAKE_CODEC,
)
description = schemathesis.openapi.from_dict(json.loads(openapi.document()))
# Not loaded from the app: that would start its worker while tests are only being collected.
description.app = app


@schemathesis.serializer("application/vnd.bladestream", "image/tiff")
def as_it_is(context, value):
    return value


@pytest.fixture
def ready():
    while description["/readyz"]["GET"].Case().call().status_code != 200:
        time.sleep(0.01)


@description.parametrize()
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_is_as_described(case, ready):
    response = case.call_and_validate(
        headers={"Authorization": "Bearer key"},
        # Any bytes are a valid body as far as a description can say, but few are a picture.
        excluded_checks=[positive_data_acceptance],
        # A form of as many pictures as one may hold takes a while on a busy machine.
        timeout=120,
    )
    assert response.status_code < 500


def test_the_file_is_checked_against_the_app(tmp_path, monkeypatch, capsys):
    file = tmp_path / "new" / "openapi.json"
    monkeypatch.setattr(sys, "argv", ["openapi", str(file)])
    assert openapi.main() == 0
    monkeypatch.setattr(sys, "argv", ["openapi", "--check", str(file)])
    assert openapi.main() == 0
    assert capsys.readouterr().out == ""
    file.write_text(file.read_text().replace("/livez", "/alive"))
    assert openapi.main() == 1
    assert "/alive" in capsys.readouterr().out
