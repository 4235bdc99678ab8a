"""Rendered wind turbine photographs with perfect masks of the blades."""

from models.scenes.render import Scene, render_surface
from models.scenes.tags import TAGS

__all__ = ["TAGS", "Scene", "render_surface"]
