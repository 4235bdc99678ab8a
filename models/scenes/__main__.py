"""Render a folder of pictures and masks: ``python -m models.scenes --out DIR --count N``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from PIL import Image

from models.scenes.photographs import background_paths
from models.scenes.render import render_surface
from models.scenes.tags import TAGS


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 done, 1 for tags that exclude each other or backgrounds that are not there."""
    options = _parser().parse_args(arguments)
    try:
        _write(options)
    except (ValueError, OSError) as error:
        print(f"scenes: {error}", file=sys.stderr)
        return 1
    return 0


def _write(options: argparse.Namespace) -> None:
    images, masks = options.out / "images", options.out / "masks"
    images.mkdir(parents=True, exist_ok=True)
    masks.mkdir(parents=True, exist_ok=True)
    backgrounds = background_paths(options.backgrounds) if options.backgrounds else None
    width, height = options.size
    index: list[dict[str, object]] = []
    seed = options.seed
    while len(index) < options.count:
        pictures = min(options.pictures, options.count - len(index))
        scenes = render_surface(seed, (height, width), pictures, options.tag, backgrounds)
        for number, scene in enumerate(scenes):
            name = f"scene_{seed:06d}_{number:02d}"
            Image.fromarray(scene.rgb).save(images / f"{name}.jpg", quality=95, subsampling=0)
            Image.fromarray(scene.mask).save(masks / f"{name}.png")
            surface = f"scene_{seed:06d}"
            index.append(
                {"name": name, "surface": surface, "tags": list(scene.tags), "seed": scene.seed}
            )
        seed += 1
        # Written after each surface, so that a training may begin on what is there.
        (options.out / "index.json").write_text(json.dumps(index, indent=1) + "\n")


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.scenes", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="output folder")
    parser.add_argument("--count", type=int, default=30, help="pictures in all")
    parser.add_argument("--pictures", type=int, default=30, help="pictures a surface")
    parser.add_argument("--size", type=_size, default=(768, 512), metavar="WxH")
    parser.add_argument("--tag", action="append", default=[], choices=TAGS, help="may be repeated")
    parser.add_argument("--seed", type=int, default=0, help="of the first surface")
    parser.add_argument("--backgrounds", type=Path, help="folder of photographs without blades")
    return parser


if __name__ == "__main__":
    sys.exit(main())
