import numpy as np

from service.cli.side_by_side import side_by_side


def test_the_third_panel_shows_the_difference_eightfold() -> None:
    original = np.full((20, 30, 3), 50, np.uint8)
    decoded = original.copy()
    decoded[5, 7] = (52, 49, 200)
    sheet = np.asarray(side_by_side(original, decoded))
    panel = sheet[-20:, -30:]
    assert tuple(panel[5, 7]) == (16, 8, 255)
    assert panel.sum() == 16 + 8 + 255
    np.testing.assert_array_equal(sheet[-20:, :30], original)
