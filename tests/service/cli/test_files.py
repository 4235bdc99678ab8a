import os
import stat
from pathlib import Path

import pytest

from service.cli.files import check_output, read_input, write_output
from service.errors import BadParameter, PictureTooLarge
from service.pictures import Limits


def test_a_written_file_is_whole_and_alone(tmp_path: Path) -> None:
    target = tmp_path / "a.blade"
    write_output(target, b"new")
    assert target.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_written_file_has_the_permissions_of_an_ordinary_one(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    write_output(tmp_path / "a.blade", b"new")
    mode = stat.S_IMODE((tmp_path / "a.blade").stat().st_mode)
    assert mode == stat.S_IMODE(ordinary.stat().st_mode)


@pytest.mark.parametrize("fails", ["fsync", "replace"])
def test_a_failed_write_keeps_the_former_file_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    target = tmp_path / "a.blade"
    target.write_bytes(b"former")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    if fails == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="No space"):
        write_output(target, b"new")
    assert target.read_bytes() == b"former"
    assert list(tmp_path.iterdir()) == [target]


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "real.blade"
    real.write_bytes(b"former")
    link = tmp_path / "link.blade"
    link.symlink_to(real)
    write_output(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"


@pytest.mark.parametrize("how", ["same", "hard link", "symbolic link", "other spelling"])
def test_an_input_is_never_the_output(tmp_path: Path, how: str) -> None:
    source = tmp_path / "photo.png"
    source.write_bytes(b"photo")
    output = tmp_path / "link.png"
    if how == "same":
        output = source
    elif how == "hard link":
        output.hardlink_to(source)
    elif how == "symbolic link":
        output.symlink_to(source)
    else:
        (tmp_path / "folder").mkdir()
        output = tmp_path / "folder" / ".." / "photo.png"
    with pytest.raises(BadParameter, match="overwritten"):
        check_output(output, source)


def test_a_missing_folder_is_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_output(tmp_path / "missing" / "a.blade")


def test_reading_stops_at_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(11))
    assert read_input(path, limits(11)) == bytes(11)
    with pytest.raises(PictureTooLarge):
        read_input(path, limits(10))


def test_an_endless_input_is_refused() -> None:
    with pytest.raises(PictureTooLarge):
        read_input(Path("/dev/zero"), limits(1000))


def limits(max_bytes: int) -> Limits:
    return Limits(max_bytes=max_bytes, max_pixels=1000, max_side=1000)
