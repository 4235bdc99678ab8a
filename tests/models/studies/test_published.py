"""What is published is what the published JSON files say."""

import re
import shutil
from pathlib import Path

from models.studies.__main__ import main
from models.studies.page import TRIED

RESULTS = Path(__file__).parents[3] / "docs" / "results" / "studies"


def test_what_was_tried_leads_to_pages_that_are_there():
    links = re.findall(r"\]\(([^)#]+)\)", (RESULTS / TRIED).read_text(encoding="utf-8"))
    assert len(links) > 10
    for link in links:
        assert (RESULTS / link).exists(), link


def test_every_page_is_made_from_json_alone(tmp_path):
    for path in RESULTS.glob("*.json"):
        shutil.copy(path, tmp_path)
    assert main(["tables", "--results", str(tmp_path)]) == 0
    pages = sorted(path.name for path in RESULTS.glob("*.md") if path.name != TRIED)
    assert sorted(path.name for path in tmp_path.glob("*.md")) == pages
    for name in pages:
        assert (tmp_path / name).read_bytes() == (RESULTS / name).read_bytes(), name
    plots = sorted(path.name for path in RESULTS.glob("*.png"))
    assert sorted(path.name for path in tmp_path.glob("*.png")) == plots
