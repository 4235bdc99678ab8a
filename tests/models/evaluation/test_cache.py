from dataclasses import replace

import pytest

from models.evaluation import cache as module
from models.evaluation.cache import PeerCache
from models.evaluation.peers import JPEG
from tests.models.evaluation.conftest import photograph

SHORT = replace(JPEG, ladder=(30, 70))


@pytest.fixture
def runs(monkeypatch):
    """Peers that were really run."""
    counted = []
    real = module.run
    monkeypatch.setattr(
        module, "run", lambda peer, pixels: counted.append(peer) or real(peer, pixels)
    )
    return counted


def test_a_second_run_codes_nothing(tmp_path, runs):
    pixels = photograph(64, 80)
    first = PeerCache(tmp_path).points(SHORT, pixels)
    assert PeerCache(tmp_path).points(SHORT, pixels) == first
    assert len(runs) == 1


def test_another_picture_setting_version_or_processor_is_coded_anew(tmp_path, runs, monkeypatch):
    kept, pixels = PeerCache(tmp_path), photograph(64, 80)
    kept.points(SHORT, pixels)
    changed = pixels.copy()
    changed[3, 4, 1] ^= 1
    kept.points(SHORT, changed)
    kept.points(SHORT, pixels.reshape(80, 64, 3))
    kept.points(replace(SHORT, ladder=(30, 71)), pixels)
    kept.points(replace(SHORT, fixed={}), pixels)
    monkeypatch.setattr(module, "processor", lambda: "another")
    kept.points(SHORT, pixels)
    assert len(runs) == 6


def test_git_does_not_see_the_folder(tmp_path):
    PeerCache(tmp_path / "peers")
    assert (tmp_path / "peers" / ".gitignore").read_text() == "*\n"
