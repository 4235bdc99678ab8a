import json

import numpy as np
import pytest
from PIL import Image

from models.evaluation.segmentation_pictures import by_surface, labelled
from service.errors import BadMask
from service.pictures import Limits
from service.settings import Settings


@pytest.fixture
def folders(tmp_path):
    images, masks = tmp_path / "images", tmp_path / "masks"
    images.mkdir()
    masks.mkdir()
    for name in ("b", "a", "c"):
        Image.fromarray(np.full((20, 30, 3), 90, np.uint8)).save(images / f"{name}.jpg")
        Image.fromarray(np.eye(20, 30, dtype=np.uint8) * 255).save(masks / f"{name}.png")
    return images, masks


def test_pictures_and_masks_are_paired_by_name(folders):
    pictures = labelled(*folders, None)
    assert [each.name for each in pictures] == ["a", "b", "c"]
    limits = Limits.from_settings(Settings())
    assert pictures[0].read(limits).pixels.shape == (20, 30, 3)
    truth = pictures[0].read_truth((20, 30), limits)
    assert np.array_equal(truth, np.eye(20, 30, dtype=bool))
    with pytest.raises(BadMask):
        pictures[0].read_truth((30, 20), limits)


def test_without_an_index_each_picture_is_its_own_surface(folders):
    assert [len(group) for group in by_surface(labelled(*folders, None))] == [1, 1, 1]


def test_an_index_tells_surfaces_and_tags_and_which_pictures_count(folders, tmp_path):
    index = tmp_path / "index.json"
    rows = [
        {"name": "a", "surface": "one", "tags": ["haze"]},
        {"name": "c", "surface": "one", "tags": []},
    ]
    index.write_text(json.dumps(rows))
    pictures = labelled(*folders, index)
    assert [(each.name, each.tags) for each in pictures] == [("a", ("haze",)), ("c", ())]
    (group,) = by_surface(pictures)
    assert [each.name for each in group] == ["a", "c"]


def test_a_picture_without_a_mask_is_an_error(folders):
    images, masks = folders
    (masks / "b.png").unlink()
    with pytest.raises(ValueError, match=r"b\.jpg"):
        labelled(images, masks, None)


@pytest.mark.parametrize("text", ["{", "[1]", '[{"name": "a"}]'])
def test_what_is_no_index_is_refused(folders, tmp_path, text):
    (tmp_path / "index.json").write_text(text)
    with pytest.raises(ValueError, match="no list of"):
        labelled(*folders, tmp_path / "index.json")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no picture"):
        labelled(tmp_path, tmp_path, None)
