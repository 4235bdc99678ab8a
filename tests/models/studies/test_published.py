"""What is published is what the published JSON files say."""

import shutil
from pathlib import Path

from models.studies.__main__ import main

RESULTS = Path(__file__).parents[3] / "docs" / "results" / "studies"


def test_every_page_is_made_from_json_alone(tmp_path):
    for path in RESULTS.glob("*.json"):
        shutil.copy(path, tmp_path)
    assert main(["tables", "--results", str(tmp_path)]) == 0
    pages = sorted(path.name for path in RESULTS.glob("*.md"))
    assert sorted(path.name for path in tmp_path.glob("*.md")) == pages
    for name in pages:
        assert (tmp_path / name).read_bytes() == (RESULTS / name).read_bytes(), name
    plots = sorted(path.name for path in RESULTS.glob("*.png"))
    assert sorted(path.name for path in tmp_path.glob("*.png")) == plots
