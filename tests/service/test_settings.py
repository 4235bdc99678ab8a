"""Settings: sane without any variable, refused at start when one is nonsense."""

import hashlib
import os

import pytest

from service.errors import BadParameter
from service.settings import Settings, get_settings

DIGEST = hashlib.sha256(b"key").hexdigest()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("BLADESTREAM_"):
            monkeypatch.delenv(name)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_defaults_are_limited_and_closed_to_the_network():
    settings = Settings()
    assert settings.host == "127.0.0.1"
    assert settings.max_pixels == 120_000_000
    assert settings.api_key_sha256 == ()
    assert settings.archive_path is None


def test_the_environment_is_read_once(monkeypatch):
    monkeypatch.setenv("BLADESTREAM_PORT", "9000")
    settings = get_settings()
    monkeypatch.setenv("BLADESTREAM_PORT", "9001")
    assert settings.port == 9000
    assert get_settings() is settings


def test_an_empty_variable_counts_as_not_set(monkeypatch):
    monkeypatch.setenv("BLADESTREAM_ARCHIVE_PATH", "")
    monkeypatch.setenv("BLADESTREAM_API_KEY_SHA256", "")
    assert get_settings().archive_path is None
    assert get_settings().api_key_sha256 == ()


def test_lists_are_written_with_commas(monkeypatch):
    monkeypatch.setenv("BLADESTREAM_API_KEY_SHA256", f" {DIGEST.upper()}, {'0' * 64},")
    assert get_settings().api_key_sha256 == (DIGEST, "0" * 64)


def test_a_choice_of_numbers_is_written_as_text(monkeypatch):
    assert get_settings().flips == 1
    get_settings.cache_clear()
    monkeypatch.setenv("BLADESTREAM_FLIPS", "4")
    assert get_settings().flips == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "-1"),
        ("PORT", "http"),
        ("MAX_PIXELS", "0"),
        ("MAX_SIDE", "65536"),
        ("QUEUE_SIZE", "0"),
        ("REQUEST_TIMEOUT_SECONDS", "nan"),
        ("REQUEST_TIMEOUT_SECONDS", "inf"),
        ("PROVIDER", "tpu"),
        ("LOG_LEVEL", "loud"),
        ("FLIPS", "3"),
        ("DILATION_PIXELS", "-1"),
        ("DILATION_PIXELS", "2000"),
        ("SURFACES", "0"),
        ("SURFACE_SECONDS", "0"),
        ("DEFAULT_MODEL", "../../etc"),
        ("API_KEY_SHA256", "not a digest"),
    ],
)
def test_nonsense_is_refused_by_name(monkeypatch, name, value):
    monkeypatch.setenv(f"BLADESTREAM_{name}", value)
    with pytest.raises(BadParameter, match=f"BLADESTREAM_{name}"):
        get_settings()


def test_a_refusal_does_not_repeat_the_value(monkeypatch):
    monkeypatch.setenv("BLADESTREAM_API_KEY_SHA256", "my-secret-key")
    with pytest.raises(BadParameter) as caught:
        get_settings()
    assert "secret" not in str(caught.value)
    assert "secret" not in str(caught.value.__cause__)
