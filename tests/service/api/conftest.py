import io
import time

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from service.api.app import create_app
from service.settings import Settings

FAKE_CODEC = "tests.service.api.fake_codec:open_codec"


def until(condition, seconds=60.0):
    """Wait for something that another process or thread brings about."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def encoded(pixels, fmt="PNG"):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, fmt)
    return file.getvalue()


def speckled(seed):
    """A picture with a bright blade from left to right, another for each seed."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 60, (60, 90, 3), dtype=np.uint8)
    top = 10 + seed
    pixels[top : top + 25] = generator.integers(190, 250, (25, 90, 3), dtype=np.uint8)
    return pixels


def pixels_of(data):
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.fixture(scope="session")
def pixels():
    rows, columns = np.mgrid[0:40, 0:60]
    return np.stack([rows * 6, columns * 4, rows + columns], axis=-1).astype(np.uint8)


@pytest.fixture(scope="session")
def png(pixels):
    return encoded(pixels)


@pytest.fixture(scope="session")
def archive_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("archive")


@pytest.fixture(scope="session")
def app(archive_folder):
    settings = Settings(
        archive_path=archive_folder, max_upload_bytes=200_000, max_pixels=100_000, log_level="error"
    )
    return create_app(settings, FAKE_CODEC)


@pytest.fixture(scope="session")
def client(app):
    """One app with one worker for all tests that leave it as they found it."""
    with TestClient(app) as session:
        until(lambda: session.get("/readyz").status_code == 200)
        yield session


@pytest.fixture
def other_client():
    """Makes an app with settings of its own; slower, since each has a worker of its own."""
    opened = []

    def open_app(codec=FAKE_CODEC, **settings):
        session = TestClient(create_app(Settings(log_level="error", **settings), codec))
        session.__enter__()
        opened.append(session)
        if codec == FAKE_CODEC:
            until(lambda: session.get("/readyz").status_code == 200)
        return session

    yield open_app
    for session in opened:
        session.__exit__(None, None, None)


@pytest.fixture(scope="session")
def blade(client, png):
    return client.post("/compress", content=png).content
