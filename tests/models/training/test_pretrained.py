import pytest
import torch

from models.training.pretrained import pretrained_weights
from models.training.recipe import RecipeError


@pytest.fixture
def package(tmp_path, monkeypatch):
    folder = tmp_path / "published_model"
    (folder / "weights").mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_the_state_dict_of_an_installed_package(package):
    torch.save({"a": torch.ones(2)}, package / "weights" / "best.pth")
    assert torch.equal(pretrained_weights("published_model")["a"], torch.ones(2))


@pytest.mark.parametrize("name", ["no_such_weights", "no_such_parent.weights", "json.tool.x", ""])
def test_a_package_that_is_not_there_says_how_to_get_it(name):
    with pytest.raises(RecipeError, match=f"pip install {name}$"):
        pretrained_weights(name)


def test_a_package_without_weights_or_with_several(package):
    with pytest.raises(RecipeError, match=r"0 [.]pth files"):
        pretrained_weights("published_model")
    for name in ("a.pth", "b.pth"):
        torch.save({}, package / name)
    with pytest.raises(RecipeError, match=r"2 [.]pth files"):
        pretrained_weights("published_model")
