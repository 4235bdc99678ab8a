import pytest
import torch

from models.training import checkpoints


def test_a_failed_save_leaves_the_one_before(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.pt"
    checkpoints.save(path, {"step": 1})

    def fail(state, out):
        out.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(OSError, match="disk full"):
        checkpoints.save(path, {"step": 2})
    assert checkpoints.load(path) == {"step": 1}


def test_random_numbers_go_on(tmp_path):
    torch.rand(5)
    checkpoints.save(tmp_path / "c.pt", {"random": checkpoints.random_state()})
    expected = torch.rand(4)
    torch.manual_seed(99)
    checkpoints.set_random_state(checkpoints.load(tmp_path / "c.pt")["random"])
    assert torch.equal(torch.rand(4), expected)
