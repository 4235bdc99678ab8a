"""The exact prior as ONNX graphs: features of the upper level, then one graph a coding step."""

from __future__ import annotations

import numpy as np
import onnx

from models.export.exact_graph import ExactGraph, Lowering
from models.layers.exact import STREAM_BITS
from models.networks.patches import LATENTS
from models.networks.subband_prior import INDEX_BITS, Group, SubbandPrior, TopFeatures


def features_graph(top: TopFeatures, lowering: Lowering) -> onnx.ModelProto:
    """symbols (1, h, w, C) integers -> features (1, 4 h, 4 w, F) stream integers."""
    g = ExactGraph(lowering)
    symbols = g.input("symbols", [1, "h", "w", top.enter.weight.shape[1]])
    operand = g.signed(symbols) if top.signed else g.magnitude(symbols)
    stream = g.block(g.conv(operand, top.enter), top.block)
    features = g.pixel_shuffle(g.conv(stream, top.leave), 4)
    g.output(features, "features", [1, "4h", "4w", top.leave.weight.shape[0] // 16])
    return g.model()


def step_graphs(
    prior: SubbandPrior, lowering: Lowering, side: int | None = LATENTS
) -> list[onnx.ModelProto]:
    """One graph a group, in coding order.

    ``side``: positions on a side of a patch on the level's grid; None leaves both sides open, for
    bands of z, whose groups must not fold.

    Inputs: ``features`` (P, side, side, F), a stream's or u8, for the first, then ``state``
    (P, h, w, W) and the ``symbols`` (P, h, w, n) of the group before; ``quality`` (P,),
    floor(q * 64 / 2) up to 255, where a scale is entered. Outputs: ``index`` (P, h, w, n) in
    sixteenths of a table step, and ``next_state`` but for the last.
    """
    steps = prior.steps()
    return [_step_graph(prior, position, steps, lowering, side) for position in range(len(steps))]


def _step_graph(
    prior: SubbandPrior,
    position: int,
    steps: list[tuple[int, int]],
    lowering: Lowering,
    side: int | None,
) -> onnx.ModelProto:
    scale, number = steps[position]
    step = prior.scale(scale).step(number)
    g = ExactGraph(lowering)
    group = prior.groups[position]
    size = _size(side, group)
    if position == 0:
        stream = g.input("features", ["p", *size, prior.enter.weight.shape[1]])
        if prior.enter.raw:
            stream = g.as_operand(stream)
        stream = g.conv(stream, prior.enter)
    else:
        before_scale, before_number = steps[position - 1]
        before = prior.scale(before_scale)
        embed = before.step(before_number).embed
        assert embed is not None  # since there is a group after it
        before_size = _size(side, prior.groups[position - 1])
        stream = g.input("state", ["p", *before_size, before.width])
        coded = prior.groups[position - 1].native
        symbols = g.input("symbols", ["p", *before_size, coded])
        told = g.distance(symbols) if prior.trellis else g.magnitude(symbols)
        stream = g.add(stream, g.conv(told, embed))
        if before_scale != scale:
            stream = g.pixel_shuffle(g.conv(stream, prior.entry(scale)), 2)
    if number == 0:
        quality = g.input("quality", ["p"])
        shape = g.constant(np.array([-1, 1, 1, 1], np.int64))
        plane = g.as_operand(g.node("Reshape", quality, shape))
        stream = g.add(stream, g.conv(plane, prior.scale(scale).quality))
    stream = g.block(stream, step.block)
    head = g.conv(g.conv(stream, step.hidden), step.head)
    index = g.scaled_floor(head, float(INDEX_BITS - STREAM_BITS))
    g.output(index, "index", ["p", *size, group.native])
    if position + 1 < len(steps):
        g.output(stream, "next_state", ["p", *size, prior.scale(scale).width])
    return g.model()


def _size(side: int | None, group: Group) -> list[int | str]:
    """Height and width of a group's grid."""
    return ["h", "w"] if side is None else [side * group.fold] * 2
