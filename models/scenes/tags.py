"""The names of what a scene can be asked to show, in groups of which one holds at a time."""

from __future__ import annotations

SKIES = ("clear-sky", "broken-clouds", "overcast", "haze")
GROUNDS = ("sea", "vegetation", "field-rows", "village", "snow")
LIGHTS = ("sun-glare", "sun-behind", "cloud-shadow", "blade-shadow")
EXPOSURES = ("overexposed", "underexposed")
VIEWS = (
    "tower-behind",
    "nacelle-hub",
    "second-blade",
    "tip",
    "root",
    "fills-picture",
    "no-blade",
    "diagonal",
)
FINISHES = ("markings", "damage", "vortex-generators")
CAMERA_FAULTS = ("motion-blur", "defocus", "drops")

TAGS: tuple[str, ...] = (
    SKIES + GROUNDS + LIGHTS + EXPOSURES + VIEWS + FINISHES + CAMERA_FAULTS
)  # fmt: skip


def check_tags(tags: tuple[str, ...]) -> None:
    """Raise ValueError for an unknown tag or for two that exclude each other."""
    for tag in tags:
        if tag not in TAGS:
            raise ValueError(f"no such tag: {tag}; there are {', '.join(TAGS)}")
    for group in (SKIES, GROUNDS, EXPOSURES):
        held = [tag for tag in tags if tag in group]
        if len(held) > 1:
            raise ValueError(f"tags exclude each other: {', '.join(held)}")
    if "no-blade" in tags and any(tag in VIEWS and tag != "no-blade" for tag in tags):
        raise ValueError("a picture without a blade shows no other view of one")
