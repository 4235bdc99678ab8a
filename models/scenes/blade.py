"""The shape of a blade: chord, thickness, twist, bend and tip along the span."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from models.scenes.meshes import Mesh, join, tube, two_sided

Array = NDArray[np.float64]


@dataclass(frozen=True)
class BladeShape:
    """What all blades of a turbine share; lengths in metres, angles in radians.

    Attributes
    ----------
    length : float
        From the flange at the hub to the tip.
    root : float
        Diameter of the cylinder at the root.
    chord : float
        The largest chord.
    shoulder : float
        Where it is, as a share of the length.
    tip : float
        Length of the end over which the chord closes.
    tip_axis : float
        The share of the chord that stays straight in the tip: 0 the leading edge, 1 the trailing.
    tip_power : float
        0.5 is an ellipse, 1 a point.
    twist, bend : float
        Twist at the shoulder against the tip; distance of the bent tip from the straight axis.
    serrations : tuple of float or None
        Start, end (shares of the length) and depth in metres of teeth on the trailing edge.
    """

    length: float
    root: float
    chord: float
    shoulder: float
    tip: float
    tip_axis: float
    tip_power: float
    twist: float
    bend: float
    serrations: tuple[float, float, float] | None

    def chord_at(self, span: Array) -> Array:
        """Chord at some distances from the flange."""
        share = span / self.length
        knots = (0.0, 0.025, self.shoulder, 0.5, 0.75, 0.92, 1.0)
        c = self.chord
        chords = (self.root, self.root, c, 0.64 * c, 0.42 * c, 0.28 * c, 0.23 * c)
        base = _curve(knots, chords)(share)
        inside = np.clip((span - self.length + self.tip) / self.tip, 0.0, 1.0)
        closed: Array = base * np.maximum((1 - inside**2) ** self.tip_power, 0.01)
        return closed

    def sections(self, span: Array, turns: Array) -> Array:
        """Points (n, m, 2) of the profiles: along the chord (to the trailing edge), across it."""
        share = np.clip(span / self.length, 0.0, 1.0)[:, None]
        knots = (0.0, 0.025, self.shoulder, 0.4, 0.7, 1.0)
        ratio = _curve(knots, (1.0, 1.0, 0.42, 0.3, 0.22, 0.17))(share)
        circle = _curve(knots, (1.0, 1.0, 0.25, 0.0, 0.0, 0.0))(share)
        x = 0.5 + 0.5 * np.cos(2 * np.pi * turns)[None, :]
        sign = np.sign(np.sin(2 * np.pi * turns))[None, :]
        # The thickness of the four-digit NACA profiles (NACA report 460, eq. 1), closed behind.
        naca = (
            1.4845 * np.sqrt(x) - 0.63 * x - 1.758 * x**2 + 1.4215 * x**3 - 0.518 * x**4
        )  # half thickness over full thickness
        camber = 0.09 * ratio * (1 - circle) * 4 * x * (1 - x)
        foil = ratio * naca * sign + camber
        y = circle * 0.5 * np.sin(2 * np.pi * turns)[None, :] + (1 - circle) * foil
        chord = self.chord_at(span)[:, None]
        axis = 0.5 * circle + 0.32 * (1 - circle)
        inside = np.clip((span - self.length + self.tip) / self.tip, 0.0, 1.0)[:, None]
        full = self.chord_at(np.minimum(span, self.length - self.tip))[:, None]
        shift = np.where(inside > 0, (self.tip_axis - axis) * (full - chord), 0.0)
        points: Array = np.stack([(x - axis) * chord + shift, y * chord], axis=-1)
        return points

    def mesh(self, hub: Array, frame: Array, pitch: float, span: Array, m: int, part: int) -> Mesh:
        """The blade's faces in the world.

        Parameters
        ----------
        hub : (3,)
            The flange's centre.
        frame : (3, 3)
            Rows: the span, the rotor's tangent (to the trailing edge at no pitch) and the axis.
        pitch : float
            Turn about the span, radians.
        span : (n,)
            Where sections are made, metres from the flange, rising.
        m : int
            Points around a section.
        part : int
            The part that the faces belong to.
        """
        turns = np.linspace(0.0, 1.0, m + 1)
        points = self.place(hub, frame, pitch, span, self.sections(span, turns))
        mesh = tube(points, span, turns, part)
        if self.serrations is None:
            return mesh
        return join([mesh, self._teeth(hub, frame, pitch, part)])

    def place(self, hub: Array, frame: Array, pitch: float, span: Array, profile: Array) -> Array:
        """World points (n, m, 3) of profile points (n, m, 2) at distances `span` (n,)."""
        share = span / self.length
        knots = (0.0, self.shoulder, 0.5, 0.8, 1.0)
        turn = (self.twist * 1.1, self.twist, 0.4 * self.twist, 0.08 * self.twist, 0.0)
        angle = pitch + _curve(knots, turn)(share)
        cos, sin = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
        along, tangent, axis = frame
        chordwise = cos * tangent + sin * axis
        across = cos * axis - sin * tangent
        centre = hub + span[:, None] * along + (self.bend * share**2)[:, None] * axis
        placed: Array = centre[:, None] + profile[..., :1] * chordwise + profile[..., 1:] * across
        return placed

    def _teeth(self, hub: Array, frame: Array, pitch: float, part: int) -> Mesh:
        assert self.serrations is not None
        start, end, depth = self.serrations
        count = int((end - start) * self.length / (0.45 * depth))
        span = np.linspace(start, end, count + 1) * self.length
        edge = self.sections(span, np.array([0.0]))
        base = self.place(hub, frame, pitch, span, edge)[:, 0]
        middle = (span[:-1] + span[1:]) / 2
        point = self.sections(middle, np.array([0.0]))
        point[..., 0] += depth
        apex = self.place(hub, frame, pitch, middle, point)[:, 0]
        corners = np.stack([base[:-1], base[1:], apex, apex], axis=1)
        coordinates = np.zeros((count, 4, 2))
        coordinates[..., 0] = middle[:, None]
        return two_sided(corners, coordinates, part)


@cache
def _curve(knots: tuple[float, ...], values: tuple[float, ...]) -> PchipInterpolator:
    """A smooth curve through the values that never overshoots them."""
    return PchipInterpolator(knots, values)
