"""Weights of ``lite``'s prior, which codes a level in two halves, for ``standard``'s, by phases.

A half holds two phases: the first takes over the half's block and rows of its head, the second
these rows alone, behind a block that is not there yet, and so does chroma. So it is no good prior
at once, but near to one: some 7 % more bits, which hundreds of steps take back.
"""

from __future__ import annotations

from torch import Tensor

from models.networks.lite_transform import groups as halves
from models.networks.phases import from_lite, groups
from models.networks.subband_prior import Group, places

State = dict[str, Tensor]


def prior_from_lite(weights: State, fresh: State) -> State:
    """The prior of a new ``standard``, whose weights are ``fresh``, begun from ``lite``'s.

    Returns the weights below ``prior.``; those that nothing was found for are ``fresh``'s.

    Raises
    ------
    KeyError, IndexError, RuntimeError
        ``weights`` are not those of a ``lite`` of the same widths.
    """
    made = {name: value.clone() for name, value in fresh.items() if name.startswith("prior.")}
    own = {name: value for name, value in weights.items() if name.startswith("prior.")}
    made |= {name: own[name].clone() for name in made.keys() & own.keys() if _shared(name)}
    there = _names(halves())
    rows = {
        group.channels.start + row * group.fold**2: (number, row)
        for number, group in enumerate(halves())
        for row in range(group.native)
    }
    order = from_lite().tolist()
    for group, here in zip(groups(), _names(groups()), strict=True):
        each = order[group.channels.start : group.channels.stop : group.fold**2]
        where = [rows[channel] for channel in each]
        half = max(number for number, _ in where)  # chroma's head from the half that knew most
        begins = where[0] == (half, 0)
        if begins:
            _copy(own, made, there[half]["block"], here["block"])
        _copy(own, made, there[half]["hidden"], here["hidden"])
        _copy(own, made, there[half]["head"], here["head"])
        for part in ("weight", "bias"):
            name = f"{here['head']}{part}"
            made[name] = made[name][[row for _, row in where]]
        _embed(own, made, here["embed"], [(there[n]["embed"], row) for n, row in where], begins)
    return made


def _shared(name: str) -> bool:
    """Whether a weight is of no group."""
    return not any(f".{part}." in name for part in ("blocks", "hidden", "heads", "embeds"))


def _names(layout: list[Group]) -> list[dict[str, str]]:
    """What the names of each group's layers begin with."""
    parts = {"block": "blocks", "hidden": "hidden", "head": "heads", "embed": "embeds"}
    return [
        {layer: f"prior.scales.{scale}.{part}.{step}." for layer, part in parts.items()}
        for scale, step in places(layout)
    ]


def _copy(weights: State, made: State, source: str, target: str) -> None:
    """All of a layer."""
    found = [name for name in weights if name.startswith(source)]
    if not found:
        raise KeyError(source)
    for name in found:
        made[target + name[len(source) :]] = weights[name].clone()


def _embed(
    weights: State, made: State, target: str, where: list[tuple[str, int]], biased: bool
) -> None:
    """Columns (layer, column) of the halves' layers; zeros where a half had none."""
    if f"{target}weight" not in made:
        return
    weight, bias = made[f"{target}weight"].zero_(), made[f"{target}bias"].zero_()
    for column, (source, from_column) in enumerate(where):
        there = weights.get(f"{source}weight")
        if there is not None:
            weight[:, column] = there[:, from_column]
    there = weights.get(f"{where[0][0]}bias")
    if biased and there is not None:
        bias.copy_(there)
