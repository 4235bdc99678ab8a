"""A pyramid's levels as ONNX graphs: one a phase, which answers for Y, and one each for Co and Cg.

What comes in and goes out is described at ``service.runtime.lossless_model.LevelSessions``.
"""

from __future__ import annotations

import numpy as np
import onnx
from torch import nn

from models.export.exact_graph import ExactGraph, Lowering
from models.export.fused_graph import FusedGraph
from models.layers.centred import FINE, ZERO
from models.layers.exact import STREAM_BITS, ExactBlock, ExactConv
from models.layers.periodic import PeriodicBias
from models.networks.pyramid import (
    COMPONENTS,
    INDEX_UNIT,
    MEAN_UNIT,
    PHASES,
    LevelNetwork,
    Pyramid,
)

_SIXTEENTHS = 16


def level_graphs(network: Pyramid, lowering: Lowering) -> dict[str, onnx.ModelProto]:
    """All graphs by the stem of their file's name, ``level_0_d`` and so on."""
    graphs = {}
    for number, level in enumerate(network.levels):
        assert isinstance(level, LevelNetwork)
        for step, phase in enumerate(PHASES):
            graphs[f"level_{number}_{phase}"] = _phase_graph(level, step, lowering)
        for component, name in ((1, "co"), (2, "cg")):
            graphs[f"level_{number}_{name}"] = _chroma_graph(level, component, lowering)
    return graphs


def _new_graph(lowering: Lowering) -> ExactGraph:
    return FusedGraph() if lowering == "integer" else ExactGraph("float")


def _phase_graph(level: LevelNetwork, step: int, lowering: Lowering) -> onnx.ModelProto:
    g = _new_graph(lowering)
    n = level.hidden_width
    if step == 0:
        coarse = g.input("coarse", ["p", "h", "w", COMPONENTS])
        stream = g.block(g.conv(_picture_features(g, coarse), level.enter), level.first)
    else:
        state = g.input("state", ["p", "h", "w", level.width])
        residual = g.input("residual", ["p", "h", "w", COMPONENTS])
        embed = level.embeds[step - 1]
        assert isinstance(embed, ExactConv)
        stream = g.add(state, g.conv(_signed_features(g, residual), embed))
    blocks, hidden = level.blocks[step], level.hidden[step]
    assert isinstance(blocks, nn.Sequential) and isinstance(hidden, ExactConv)
    if level.places:
        place = level.places[step]
        assert isinstance(place, PeriodicBias)
        stream = _placed(g, stream, place)
    for block in blocks:
        assert isinstance(block, ExactBlock)
        stream = g.block(stream, block)
    hidden.prove_bound()
    operand = g.operand(stream, hidden)
    parts = [g.product(operand, hidden, slice(n * c, n * c + n)) for c in range(COMPONENTS)]
    _answer(g, level, 0, parts[0])
    for component in range(1, COMPONENTS):
        g.output(parts[component], f"hidden_{component}", ["p", "h", "w", n])
    if step + 1 < len(PHASES):
        g.output(stream, "next_state", ["p", "h", "w", level.width])
    return g.model()


def _placed(g: ExactGraph, stream: str, place: PeriodicBias) -> str:
    """The stream and what its positions add: the period's bias, repeated and cut to its size."""
    bias = place.integers().permute(1, 2, 0)[None].numpy()

    def whole(*values: int) -> str:
        return g.constant(np.array(values, np.int64))

    size = g.node("Slice", g.node("Shape", stream), whole(1), whole(3))
    begun = g.node("Div", g.node("Add", size, whole(place.period - 1)), whole(place.period))
    repeats = g.node("Concat", whole(1), begun, whole(1), axis=0)
    tiled = g.node("Tile", g.constant(bias.astype(np.float32)), repeats)
    return g.add(stream, g.node("Slice", tiled, whole(0, 0), size, whole(1, 2)))


def _chroma_graph(level: LevelNetwork, component: int, lowering: Lowering) -> onnx.ModelProto:
    g = _new_graph(lowering)
    hidden = g.input("hidden", ["p", "h", "w", level.hidden_width])
    symbols = g.input("symbols", ["p", "h", "w", component])
    look = level.looks[component - 1]
    assert isinstance(look, ExactConv)
    _answer(g, level, component, g.add(hidden, g.conv(_signed_features(g, symbols), look)))
    return g.model()


def _answer(g: ExactGraph, level: LevelNetwork, component: int, hidden: str) -> None:
    """The mean's correction and the table index, both in sixteenths, rounded down."""
    head = level.heads[component]
    assert isinstance(head, ExactConv)
    units = np.array([MEAN_UNIT, INDEX_UNIT]) * _SIXTEENTHS / 2**STREAM_BITS
    scaled = g.node("Mul", g.conv(hidden, head), g.constant(units.astype(np.float32)))
    g.output(g.node("Floor", scaled), "index", ["p", "h", "w", 2])


def _signed_features(g: ExactGraph, values: str) -> str:
    """``models.layers.centred.signed_features``; u8 operand."""
    fine = g.node("Mul", values, g.constant(np.array(FINE, np.float32)))
    return _moved_into_u8(g, g.node("Concat", fine, values, axis=3))


def _moved_into_u8(g: ExactGraph, values: str) -> str:
    low, high = np.array(-ZERO, np.float32), np.array(ZERO - 1, np.float32)
    clipped = g.node("Clip", values, g.constant(low), g.constant(high))
    return g.as_operand(g.node("Add", clipped, g.constant(np.array(ZERO, np.float32))))


def _picture_features(g: ExactGraph, coarse: str) -> str:
    """``models.networks.pyramid.picture_features``; u8 operand."""
    axes = g.constant(np.array([1, 2], np.int64))

    def moved(rows: int, columns: int) -> str:
        pads = g.constant(np.array([0, 0, 0, 0, 0, rows, columns, 0], np.int64))
        padded = g.node("Pad", coarse, pads, mode="edge")
        starts = g.constant(np.array([rows, columns], np.int64))
        return g.node("Slice", padded, starts, g.constant(np.array([2**31, 2**31])), axes)

    across = g.node("Sub", moved(0, 1), coarse)
    down = g.node("Sub", moved(1, 0), coarse)
    middle = np.array([ZERO, 0, 0], np.float32)
    level = g.node("Sub", coarse, g.constant(middle))
    differences = _signed_features(g, g.node("Concat", across, down, axis=3))
    return g.node("Concat", differences, _moved_into_u8(g, level), axis=3)
