"""Pictures of one surface, with their masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.scenes.camera import Camera
from models.scenes.framing import Run, draw_camera, draw_run, hidden_by, views_of
from models.scenes.land import landscape
from models.scenes.meshes import Mesh, join
from models.scenes.optics import photograph
from models.scenes.photographs import photo_background
from models.scenes.raster import SUBSAMPLES, Faces, visible_faces
from models.scenes.shading import Look, blade_shades_tower, look, shade
from models.scenes.site import Site, draw_site, draw_turbine
from models.scenes.tags import CAMERA_FAULTS, GROUNDS, SKIES, VIEWS, check_tags
from models.scenes.turbine import BLADES, PARTS

_CLOSE = {"tip", "root", "fills-picture", "diagonal", "tower-behind"}
_TRIES = 40
_REDRAWS = 12
_SKETCH = 96  # width of the picture that a framing is judged by
_BAND = 1 << 19  # pixels that are rendered together


@dataclass(frozen=True)
class Scene:
    """A rendered picture.

    Attributes
    ----------
    rgb : (H, W, 3) uint8
    mask : (H, W) bool
        True where blades cover at least half of the pixel.
    tags : tuple of str
        What it shows, of `models.scenes.TAGS`.
    seed : int
        Of its surface.
    """

    rgb: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    tags: tuple[str, ...]
    seed: int


def render_surface(
    seed: int,
    size: tuple[int, int] = (512, 768),
    pictures: int = 30,
    tags: Sequence[str] = (),
    backgrounds: Sequence[Path] | None = None,
) -> Iterator[Scene]:
    """Pictures of one blade from root to tip, or of one turbine from around it.

    Parameters
    ----------
    seed : int
        The same seed and arguments give the same pictures.
    size : (height, width)
    pictures : int
    tags : sequence of str
        What every picture must show; `models.scenes.TAGS` names what there is.
    backgrounds : sequence of Path, optional
        Photographs without blades; half of the surfaces lie before one.

    Raises
    ------
    ValueError
        For unknown tags, tags that exclude each other or that no framing shows together, or a
        picture under 32 pixels a side.
    """
    wanted = tuple(tags)
    check_tags(wanted)
    if min(size) < 32:
        raise ValueError(f"a scene has at least 32 pixels a side, not {size}")
    aims = _aims(wanted)
    for attempt in range(_REDRAWS):
        rng = np.random.default_rng([seed, 20, attempt])
        # Close views are flown along a blade; the rest may as well be seen from far away.
        kind = "run" if set(aims) & _CLOSE or rng.random() < 0.55 else "orbit"
        run, turbine = draw_run(rng, draw_turbine(rng, kind), kind, aims)
        site = draw_site(rng, wanted, turbine, -run.side, bool(backgrounds))
        generators = [np.random.default_rng([seed, 21, attempt, i]) for i in range(pictures)]
        framings = []
        for number, own in enumerate(generators):
            place = number / (pictures - 1) if pictures > 1 else own.random()
            framings.append(_frame(own, site, run, place, wanted, size))
        if all(framings):
            break
    else:
        raise ValueError(f"no framing shows {', '.join(wanted)} together")
    chosen = _few(rng, backgrounds or ())
    faults = tuple(
        fault
        for fault, chance in zip(CAMERA_FAULTS, (0.05, 0.06, 0.02), strict=True)
        if fault in wanted or rng.random() < chance
    )
    for own, framing in zip(generators, framings, strict=True):
        if framing is not None:
            yield _render(own, seed, site, framing[0], size, framing[1] + faults, chosen)


def _aims(wanted: tuple[str, ...]) -> tuple[str, ...]:
    """What cameras are aimed at: the views; a blade's shadow is looked for on the tower."""
    aims = tuple(tag for tag in wanted if tag in (*VIEWS, "blade-shadow"))
    return (*aims, "tower-behind") if "blade-shadow" in aims else aims


def _few(rng: np.random.Generator, paths: Sequence[Path]) -> list[Path]:
    """The photographs of one surface: two, as from one place."""
    return [paths[int(rng.integers(len(paths)))] for _ in range(2)] if paths else []


def _frame(
    rng: np.random.Generator,
    site: Site,
    run: Run,
    place: float,
    wanted: tuple[str, ...],
    size: tuple[int, int],
) -> tuple[Camera, tuple[str, ...]] | None:
    """A camera whose picture shows all `wanted`, and its views; None if none was found."""
    views, aims = set(wanted) & set(VIEWS), _aims(wanted)
    sketch = (max(_SKETCH * size[0] // size[1], 8), _SKETCH)
    for _ in range(_TRIES):
        camera = draw_camera(rng, site.turbines[0], run, place, aims, size)
        mesh = _mesh(site, camera, sketch)
        faces = visible_faces(mesh, camera, sketch)
        numbers = faces.draw(*(slice(0, side * SUBSAMPLES) for side in sketch[::-1]))
        part = faces.part[numbers[::SUBSAMPLES, ::SUBSAMPLES]]
        shown = views_of(part, site.turbines[0], run, camera)
        if "no-blade" in views and (faces.part[numbers] % PARTS < BLADES)[numbers > 0].any():
            continue
        if "blade-shadow" in wanted:
            view = look(site, camera, mesh, faces, sketch)
            if not blade_shades_tower(view, faces, numbers):
                continue
        hidden = hidden_by(camera, site.light.direction, size) & set(wanted)
        if views <= set(shown) and (not hidden or "fills-picture" in views):
            return camera, shown
    return None


def _mesh(site: Site, camera: Camera, size: tuple[int, int]) -> Mesh:
    """The main turbine, which may throw shadows from outside, and the others in the picture."""
    meshes = [site.turbines[0].mesh(0, camera, size)]
    for number, turbine in enumerate(site.turbines[1:], start=1):
        middle, depth = camera.project(turbine.hub_centre, size)
        reach = turbine.height * camera.focal * size[1] / max(float(depth), 1.0)
        if depth > 0 and (middle > -reach).all() and (middle < np.array(size[::-1]) + reach).all():
            meshes.append(turbine.mesh(number, camera, size))
    return join(meshes)


def _render(
    rng: np.random.Generator,
    seed: int,
    site: Site,
    camera: Camera,
    size: tuple[int, int],
    shown: tuple[str, ...],
    photos: Sequence[Path],
) -> Scene:
    height, width = size
    mesh = _mesh(site, camera, size)
    faces = visible_faces(mesh, camera, size)
    view = look(site, camera, mesh, faces, size)
    behind = photo_background(rng, photos, size) if site.photo and photos else None
    light = np.empty((height, width, 3), np.float32)
    mask = np.empty(size, np.bool_)
    rows = max(_BAND // width, 1)
    for top in range(0, height, rows):
        band = slice(top, min(top + rows, height))
        under = (
            behind[band] if behind is not None else landscape(site, camera, camera.rays(size, band))
        )
        light[band], mask[band] = _band(view, faces, under, band)
    absent = set() if "fills-picture" in shown else hidden_by(camera, site.light.direction, size)
    if behind is not None:
        absent |= {*GROUNDS, *SKIES}
    shown += tuple(tag for tag in site.tags if tag not in absent)
    if mask.any():
        # The sketch that the framing was judged by may have missed a far and thin one.
        shown = tuple(tag for tag in shown if tag != "no-blade")
    rgb = photograph(rng, site, camera, light, shown)
    return Scene(rgb, mask, tuple(sorted(set(shown))), seed)


def _band(
    view: Look, faces: Faces, under: NDArray[np.float32], rows: slice
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Light and mask of some rows, over the background's light `under`."""
    picture_width = under.shape[1]
    light, mask = under.copy(), np.zeros(under.shape[:2], np.bool_)
    fine = slice(rows.start * SUBSAMPLES, rows.stop * SUBSAMPLES)
    box = np.array(faces.box(picture_width * SUBSAMPLES, fine))
    # Outwards to whole pixels: what lies outside of all faces costs nothing.
    left, top, right, bottom = (*(box[:2] // SUBSAMPLES), *-(-box[2:] // SUBSAMPLES))
    if left >= right or top >= bottom:
        return light, mask
    window = np.s_[top - rows.start : bottom - rows.start, left:right]
    light[window], mask[window] = _window(view, faces, under[window], (int(left), int(top)))
    return light, mask


def _window(
    view: Look, faces: Faces, under: NDArray[np.float32], corner: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Light and mask of a window whose first pixel is `corner` (x, y)."""
    height, width = under.shape[:2]
    first_x, first_y = corner[0] * SUBSAMPLES, corner[1] * SUBSAMPLES
    numbers = faces.draw(
        slice(first_x, first_x + width * SUBSAMPLES), slice(first_y, first_y + height * SUBSAMPLES)
    )
    part = faces.part[numbers]
    a, b, c, d = (part[i::2, j::2] for i in (0, 1) for j in (0, 1))
    is_blade = ((faces.part >= 0) & (faces.part % PARTS < BLADES)).astype(np.uint8)
    blade = is_blade[numbers]
    mask = blade[::2, ::2] + blade[1::2, ::2] + blade[::2, 1::2] + blade[1::2, 1::2] >= 2
    whole = (a >= 0) & (a == b) & (a == c) & (a == d)
    light = under.copy()
    # Inside a part one sample a pixel does; at its edges every subsample is shaded.
    y, x = np.nonzero(whole)
    if y.size:
        face = numbers[y * SUBSAMPLES, x * SUBSAMPLES]
        centre_x = (first_x + x * SUBSAMPLES + SUBSAMPLES / 2).astype(np.float32)
        centre_y = (first_y + y * SUBSAMPLES + SUBSAMPLES / 2).astype(np.float32)
        values = faces.attributes(face, centre_x, centre_y)
        light[y, x] = shade(view, faces.part[face], values)
    edge = np.repeat(np.repeat(~whole, SUBSAMPLES, axis=0), SUBSAMPLES, axis=1) & (numbers > 0)
    y, x = np.nonzero(edge)
    if y.size:
        face = numbers[y, x]
        values = faces.attributes(
            face, (first_x + x + 0.5).astype(np.float32), (first_y + y + 0.5).astype(np.float32)
        )
        colour = shade(view, faces.part[face], values)
        flat = (y // SUBSAMPLES) * width + x // SUBSAMPLES
        covered = np.bincount(flat, minlength=height * width).astype(np.float32)
        share = covered.reshape(height, width, 1) / SUBSAMPLES**2
        total = np.stack(
            [np.bincount(flat, colour[:, c], minlength=height * width) for c in range(3)], axis=-1
        )
        partly = ~whole & (covered.reshape(height, width) > 0)
        mixed = under * (1 - share) + total.reshape(height, width, 3) / SUBSAMPLES**2
        light[partly] = mixed[partly].astype(np.float32)
    return light, mask
