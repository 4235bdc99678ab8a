"""What is published is what the published JSON files say."""

import shutil
from pathlib import Path

import pytest

from models.evaluation.__main__ import main
from models.evaluation.pages import PAGES, reports_in
from models.evaluation.report_file import read_json, write_json

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "docs" / "results"
STUDIES = RESULTS / "studies"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """A copy of README and results, from which the pages were made anew: JSON alone was there."""
    root = tmp_path_factory.mktemp("clone")
    shutil.copytree(RESULTS, root / "docs" / "results", ignore=shutil.ignore_patterns("peers"))
    shutil.copy(ROOT / "README.md", root)
    for path in (root / "docs").glob("**/*.md"):
        path.unlink()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for path in reports_in(Path("docs")):
            path.with_suffix(".png").unlink(missing_ok=True)
        assert main(["tables"]) == 0
    return root


def test_every_page_is_made_from_its_json(rendered):
    pages = [path for path in RESULTS.glob("**/*.md") if STUDIES not in path.parents]
    kinds = {path.stem for path in pages}
    assert kinds == set(PAGES)
    for path in pages:
        assert (rendered / path.relative_to(ROOT)).read_bytes() == path.read_bytes(), path


def test_the_readme_s_results_are_made_from_json(rendered):
    assert (rendered / "README.md").read_bytes() == (ROOT / "README.md").read_bytes()


def test_plots_are_drawn_where_figures_alone_can_tell_them(rendered):
    """Not compared with the published ones: Matplotlib's versions draw differently."""
    for path in reports_in(rendered / "docs"):
        drawn = path.with_suffix(".png").exists()
        assert drawn == (PAGES[path.stem].draw is not None), path


def test_reports_are_written_as_they_were_read(tmp_path):
    for path in reports_in(RESULTS):
        write_json(tmp_path / "again.json", read_json(path))
        assert (tmp_path / "again.json").read_bytes() == path.read_bytes(), path


def test_no_results_are_said(tmp_path, capsys):
    readme = tmp_path / "README.md"
    shutil.copy(ROOT / "README.md", readme)
    assert main(["tables", "--results", str(tmp_path), "--readme", str(readme)]) == 1
    assert "no results" in capsys.readouterr().err
    assert readme.read_bytes() == (ROOT / "README.md").read_bytes()
