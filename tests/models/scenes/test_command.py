import json

import numpy as np
import pytest
from PIL import Image

from models.scenes.__main__ import main


def test_folder_holds_pictures_masks_and_an_index(tmp_path) -> None:
    out = tmp_path / "scenes"
    arguments = ["--out", str(out), "--count", "3", "--pictures", "2", "--size", "96x64"]
    assert main([*arguments, "--tag", "root", "--seed", "7"]) == 0
    index = json.loads((out / "index.json").read_text())
    assert [entry["surface"] for entry in index] == ["scene_000007"] * 2 + ["scene_000008"]
    assert [entry["seed"] for entry in index] == [7, 7, 8]
    for entry in index:
        assert "root" in entry["tags"]
        mask = np.asarray(Image.open(out / "masks" / f"{entry['name']}.png").convert("L"))
        picture = Image.open(out / "images" / f"{entry['name']}.jpg")
        assert picture.size == (96, 64)
        assert mask.shape == (64, 96)
        assert set(np.unique(mask)) <= {0, 255}
        assert mask.any()


def test_tags_that_exclude_each_other_end_in_a_message(tmp_path, capsys) -> None:
    assert main(["--out", str(tmp_path), "--tag", "sea", "--tag", "snow"]) == 1
    assert "exclude each other" in capsys.readouterr().err


def test_missing_backgrounds_end_in_a_message(tmp_path, capsys) -> None:
    assert main(["--out", str(tmp_path), "--backgrounds", str(tmp_path / "none")]) == 1
    assert "none" in capsys.readouterr().err


def test_unknown_tag_is_a_usage_error(tmp_path) -> None:
    with pytest.raises(SystemExit):
        main(["--out", str(tmp_path), "--tag", "blimp"])
