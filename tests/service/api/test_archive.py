import asyncio
import hashlib
import os

import numpy as np
import pytest

from service.api.answers import FileInPieces
from service.api.archive import Archive, ArchiveFailed
from tests.service.api.conftest import encoded, pixels_of
from tests.service.api.test_bodies import problem


@pytest.fixture(scope="module")
def kept(client, png):
    return client.post("/compress?keep=true", content=png)


@pytest.fixture(scope="module")
def where(kept):
    return kept.headers["Location"]


def test_what_is_kept_is_answered_and_found(client, kept, where):
    digest = hashlib.sha256(kept.content).hexdigest()
    assert (kept.status_code, where) == (201, f"/pictures/{digest}.blade")
    response = client.get(where)
    assert (response.status_code, response.content) == (200, kept.content)
    assert response.headers["Content-Type"] == "application/vnd.bladestream"
    assert response.headers["ETag"] == f'"{digest}"'


def test_keeping_twice_keeps_once(client, png, where, archive_folder):
    again = client.post("/compress?keep=true", content=png)
    assert again.headers["Location"] == where
    assert sum(path.name in where for path in archive_folder.iterdir()) == 1
    assert not [path for path in archive_folder.iterdir() if path.suffix != ".blade"]


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("0-9", 0, 9), ("5-", 5, None), ("-7", -7, None), ("3-999999999", 3, None), ("0-0", 0, 0)],
)
def test_ranges(client, kept, where, asked, first, last):
    size = len(kept.content)
    response = client.get(where, headers={"Range": f"bytes={asked}"})
    wanted = kept.content[first : None if last is None else last + 1]
    start = first % size
    assert (response.status_code, response.content) == (206, wanted)
    assert response.headers["Content-Range"] == f"bytes {start}-{start + len(wanted) - 1}/{size}"


@pytest.mark.parametrize("asked", ["bytes=1-2,4-5", "bytes=9-3", "bytes=-", "lines=1-2", "x"])
def test_other_ranges_are_answered_with_the_whole(client, kept, where, asked):
    response = client.get(where, headers={"Range": asked})
    assert (response.status_code, response.content) == (200, kept.content)


@pytest.mark.parametrize("asked", ["bytes=999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_refused(client, kept, where, asked):
    response = client.get(where, headers={"Range": asked})
    assert problem(response) == (416, "range-not-satisfiable")
    assert response.headers["Content-Range"] == f"bytes */{len(kept.content)}"


def test_if_range(client, kept, where):
    etag = kept.headers["ETag"]
    for given, status in ((etag, 206), ('"other"', 200), (f"W/{etag}", 200)):
        headers = {"Range": "bytes=0-3", "If-Range": given}
        assert client.get(where, headers=headers).status_code == status


def test_what_the_client_has_is_not_sent_again(client, where):
    for path in (where, where.removesuffix(".blade") + "?region=0,0,4,4&format=ppm"):
        etag = client.get(path).headers["ETag"]
        for given in (etag, f'"other", {etag}', "*", etag.removeprefix("W/")):
            response = client.get(path, headers={"If-None-Match": given})
            assert (response.status_code, response.content) == (304, b"")
            assert response.headers["ETag"] == etag
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_kept_picture_is_decoded(client, where, pixels):
    path = where.removesuffix(".blade")
    np.testing.assert_array_equal(pixels_of(client.get(path).content), pixels)
    response = client.get(path, params={"region": "2,3,5,7", "format": "ppm"})
    np.testing.assert_array_equal(pixels_of(response.content), pixels[3:10, 2:7])


def test_views_have_tags_of_their_own(client, where):
    path = where.removesuffix(".blade")
    queries = ("", "?format=ppm", "?region=0,0,4,4", "?region=0,0,4,5", "?roi_only=true")
    tags = [client.get(path + query).headers["ETag"] for query in queries]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize(
    "name",
    [
        "0" * 64,
        "x",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "A" * 64,
        "0" * 63,
        "0" * 64 + "%00",
        "%0a",
    ],
)
def test_what_is_not_kept_is_not_found(client, name):
    for path in (f"/pictures/{name}", f"/pictures/{name}.blade"):
        assert problem(client.get(path)) == (404, "not-found")


def test_without_an_archive(other_client, png):
    client = other_client()
    response = client.post("/compress?keep=true", content=png)
    assert problem(response) == (422, "bad-parameter")
    for path in ("/pictures/" + "0" * 64, "/pictures/" + "0" * 64 + ".blade"):
        response = client.get(path)
        assert problem(response) == (404, "not-found")
        assert "without an archive" in response.json()["detail"]


def test_a_full_disk_is_a_problem_and_leaves_nothing(client, pixels, archive_folder, monkeypatch):
    before = sorted(archive_folder.iterdir())

    def full(descriptor):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    response = client.post("/compress?keep=true", content=encoded(255 - pixels))
    assert problem(response) == (507, "archive-failed")
    assert "No space left" in response.json()["detail"]
    assert sorted(archive_folder.iterdir()) == before


def test_a_folder_that_cannot_be_made_is_told_at_the_start(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"")
    with pytest.raises(ArchiveFailed, match="cannot be made"):
        Archive(file)


def test_a_file_that_shrinks_while_it_is_sent_does_not_hang(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"short")
    answer = FileInPieces(file, range(10), seconds=60, media_type="x/y")

    async def read():
        return [piece async for piece in answer._pieces()]

    with pytest.raises(EOFError):
        asyncio.run(read())


def test_head_tells_of_a_kept_file_without_sending_it(client, kept, where):
    response = client.head(where)
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["Content-Length"]) == len(kept.content)
    assert response.headers["ETag"] == kept.headers["ETag"]
    part = client.head(where, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.headers["Content-Length"]) == (206, "4")
