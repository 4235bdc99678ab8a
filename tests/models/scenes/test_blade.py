import numpy as np
import pytest

from models.scenes.blade import BladeShape

FRAME = np.array([[0.0, 0.0, 1.0], [0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])
TURNS = np.linspace(0.0, 1.0, 65)


def _shape(**changes: object) -> BladeShape:
    values: dict = {
        "length": 40.0,
        "root": 1.6,
        "chord": 2.8,
        "shoulder": 0.2,
        "tip": 1.5,
        "tip_axis": 0.5,
        "tip_power": 0.5,
        "twist": 0.2,
        "bend": 1.5,
        "serrations": None,
    }
    return BladeShape(**(values | changes))


def test_root_is_a_cylinder() -> None:
    ring = _shape().sections(np.array([0.0, 0.5]), TURNS)
    np.testing.assert_allclose(np.hypot(ring[..., 0], ring[..., 1]), 0.8, atol=1e-9)


def test_chord_is_largest_at_the_shoulder_and_closes_at_the_tip() -> None:
    shape = _shape()
    span = np.linspace(0, 40, 401)
    chord = shape.chord_at(span)
    assert chord.max() == pytest.approx(2.8, rel=1e-3)
    assert span[chord.argmax()] == pytest.approx(8.0, abs=0.2)
    assert chord[-1] < 0.02
    assert (np.diff(chord[90:]) <= 1e-9).all()


def test_profile_is_as_wide_as_the_chord_and_thinner() -> None:
    shape = _shape()
    span = np.array([8.0, 20.0, 34.0])
    points = shape.sections(span, TURNS)
    width = np.ptp(points[..., 0], axis=1)
    np.testing.assert_allclose(width, shape.chord_at(span), rtol=1e-6)
    thickness = np.ptp(points[..., 1], axis=1) / width
    assert (np.diff(thickness) < 0).all()
    assert 0.1 < thickness[-1] < 0.25


@pytest.mark.parametrize(("axis", "edge"), [(0.0, 0), (1.0, 1)])
def test_tip_keeps_the_edge_that_it_names_straight(axis: float, edge: int) -> None:
    points = _shape(tip_axis=axis).sections(np.linspace(38.6, 39.9, 8), TURNS)[..., 0]
    edges = points.min(axis=1), points.max(axis=1)
    assert np.ptp(edges[edge]) < 0.12 < np.ptp(edges[1 - edge])


def test_faces_look_outwards() -> None:
    mesh = _shape(bend=0.0).mesh(np.zeros(3), FRAME, 0.3, np.linspace(0, 39, 40), 24, 0)
    centre = mesh.corners.mean(axis=1)
    outward = centre * [1, 1, 0]
    near_root = centre[:, 2] < 3
    assert (np.einsum("ij,ij->i", mesh.normals.mean(axis=1), outward)[near_root] > 0).all()
    facing = np.cross(
        mesh.corners[:, 2] - mesh.corners[:, 0], mesh.corners[:, 3] - mesh.corners[:, 1]
    )
    assert (np.einsum("ij,ij->i", facing, mesh.normals.mean(axis=1)) > 0).all()


def test_serrations_stand_behind_the_trailing_edge() -> None:
    plain, toothed = (_shape(serrations=teeth) for teeth in (None, (0.6, 0.9, 0.2)))
    span = np.linspace(0, 40, 60)
    meshes = [shape.mesh(np.zeros(3), FRAME, 0.0, span, 24, 0) for shape in (plain, toothed)]
    teeth = meshes[1].corners[len(meshes[0].corners) :]
    assert len(teeth) > 50
    assert teeth[..., 2].min() == pytest.approx(24, abs=0.5)
    assert teeth[..., 2].max() == pytest.approx(36, abs=0.5)


def test_prebend_leaves_the_root_and_moves_the_tip() -> None:
    shape = _shape()
    profile = np.zeros((2, 1, 2))
    root, tip = shape.place(np.zeros(3), FRAME, 0.0, np.array([0.0, 40.0]), profile)[:, 0]
    np.testing.assert_allclose(root, 0, atol=1e-12)
    np.testing.assert_allclose(tip, [1.5, 0, 40], atol=1e-9)
