import numpy as np
import pytest

from models.scenes.camera import look_at
from models.scenes.meshes import Mesh, join, revolved, two_sided
from models.scenes.raster import SUBSAMPLES, visible_faces

SIZE = (120, 160)


def _camera():
    return look_at(np.array([20.0, 0.0, 0.0]), np.zeros(3), 0.9)


def _square(x: float, side: float, part: int) -> Mesh:
    corners = np.array([[[x, -side, -side], [x, side, -side], [x, side, side], [x, -side, side]]])
    return two_sided(corners, np.zeros((1, 4, 2)), part)


def _parts(mesh: Mesh) -> np.ndarray:
    faces = visible_faces(mesh, _camera(), SIZE)
    return faces.part[faces.draw(*(slice(0, side * SUBSAMPLES) for side in SIZE[::-1]))]


def test_cylinder_covers_what_rays_hit() -> None:
    start, axis, radius, length = np.array([0.0, -6.0, -5.0]), np.array([0.0, 0.8, 0.6]), 1.3, 11.0
    along = np.linspace(0, length, 30)
    mesh = revolved(start, axis, along, np.full(30, radius), 5, 200)
    drawn = _parts(mesh) == 5
    camera = _camera()
    height, width = SIZE[0] * SUBSAMPLES, SIZE[1] * SUBSAMPLES
    rays = camera.rays((height, width), slice(0, height)).astype(float)
    # The infinite cylinder's quadratic in the distance, for rays without their axial part.
    flat = rays - (rays @ axis)[..., None] * axis
    offset = camera.position - start
    offset = offset - (offset @ axis) * axis
    a = (flat**2).sum(-1)
    b = 2 * flat @ offset
    c = offset @ offset - radius**2
    root = b**2 - 4 * a * c
    near = (-b - np.sqrt(np.maximum(root, 0))) / (2 * a)
    hit = camera.position + near[..., None] * rays
    level = (hit - start) @ axis
    inside = (root > 0) & (level > 0) & (level < length)
    # The open end shows no wall behind it, so the comparison leaves its surroundings out.
    judged = ~((root > 0) & ((level < 0.6) | (level > length - 0.6)) & (level > -2 * radius))
    wrong = (drawn != inside) & judged
    assert inside.sum() > 5000
    outline = (np.diff(inside.astype(int), axis=1) != 0).sum()
    assert wrong.sum() < 0.6 * outline
    assert not (inside & ~drawn & judged).sum() > 0.1 * outline


def test_area_of_a_square_is_unbiased() -> None:
    drawn = _parts(_square(0.0, 4.0, 2)) == 2
    side = 8.0 / 20.0 * 0.9 * SIZE[1] * SUBSAMPLES
    assert np.sqrt(drawn.sum()) == pytest.approx(side, abs=1.1)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_nearer_body_hides_the_farther(order) -> None:
    squares = [_square(2.0, 1.0, 0), _square(-2.0, 3.0, 1)]
    parts = _parts(join([squares[i] for i in order]))
    assert parts[SIZE[0], SIZE[1]] == 0
    assert (parts == 1).sum() > (parts == 0).sum() > 0


def test_crossing_bodies_part_along_the_line_where_they_meet() -> None:
    flat = _square(0.0, 3.0, 0)
    tilted = _square(0.0, 3.0, 1)
    tilted.corners[..., 0] = 0.4 * tilted.corners[..., 1]
    parts = _parts(join([flat, tilted]))
    middle = SIZE[1]
    camera_right_is_y = _camera().axes[0][1] > 0
    right, left = (1, 0) if camera_right_is_y else (0, 1)
    assert (parts[SIZE[0], middle + 4 : middle + 40] == right).all()
    assert (parts[SIZE[0], middle - 40 : middle - 4] == left).all()


def test_attributes_follow_the_surface() -> None:
    mesh = _square(0.0, 4.0, 2)
    faces = visible_faces(mesh, _camera(), SIZE)
    middle = np.array([SIZE[1]], np.float32), np.array([SIZE[0]], np.float32)
    values = faces.attributes(np.array([1]), *middle)
    np.testing.assert_allclose(values[2:5, 0], [1, 0, 0], atol=1e-5)
    np.testing.assert_allclose(values[5:, 0], [0, 0, 0], atol=1e-4)


def test_bands_are_cut_from_one_picture() -> None:
    faces = visible_faces(_square(0.0, 4.0, 2), _camera(), SIZE)
    whole = faces.draw(slice(0, 320), slice(0, 240))
    part = faces.draw(slice(60, 215), slice(70, 131))
    np.testing.assert_array_equal(part, whole[70:131, 60:215])
