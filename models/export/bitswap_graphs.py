"""bitswap's networks as ONNX graphs: one a posterior, a prior and a component of the pixels.

What comes in and goes out is described at ``service.runtime.latent_model``. Every graph answers
with means and table indices in sixteenths, rounded down.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from torch import nn

from models.export.exact_graph import ExactGraph, Lowering
from models.export.fused_graph import FusedGraph
from models.layers.centred import FINE, ZERO
from models.layers.exact import STREAM_BITS, ExactBlock, ExactConv
from models.networks.bitswap import BLOCK, COMPONENTS, Bitswap
from models.networks.bitswap_layers import (
    FOLD,
    INDEX_UNIT,
    MEAN_UNIT,
    SLOPES,
    Inference,
    Link,
    Pixels,
    ramp_of,
)
from service.runtime.latent_model import COMPONENT_NAMES

_SIXTEENTHS = 16
_MIDDLE = 128  # what Y's interpolation is counted from


def bitswap_graphs(network: Bitswap, lowering: Lowering) -> dict[str, onnx.ModelProto]:
    """All graphs by the stem of their file's name, ``posterior_1`` and so on.

    ValueError when the network has blocks of another size than files have.
    """
    if network.block != BLOCK:
        raise ValueError(f"files have blocks of {BLOCK}, the network of {network.block} pixels")
    graphs = {"posterior_1": _inference_graph(network, lowering)}
    for level in range(1, network.levels):
        up, down = network.upwards[level - 1], network.downwards[level - 1]
        assert isinstance(up, Link) and isinstance(down, Link)
        graphs[f"posterior_{level + 1}"] = _link_graph(up, network.side, "below", lowering)
        graphs[f"prior_{level}"] = _link_graph(down, network.side, "above", lowering)
    for component, name in enumerate(COMPONENT_NAMES):
        graphs[f"pixels_{name}"] = _pixel_graph(network, component, lowering)
    return graphs


def _new_graph(lowering: Lowering) -> ExactGraph:
    return FusedGraph() if lowering == "integer" else ExactGraph("float")


# -- the graphs -------------------------------------------------------------------------------


def _inference_graph(network: Bitswap, lowering: Lowering) -> onnx.ModelProto:
    g = _new_graph(lowering)
    layers: Inference = network.inference
    side, pixels = network.side, layers.cell**2
    below = g.input("below", ["s", BLOCK, BLOCK, COMPONENTS])
    middle = g.constant(np.array([_MIDDLE, 0, 0], np.float32))
    cells = _unshuffled(g, g.node("Sub", below, middle), BLOCK, COMPONENTS, layers.cell)
    weights = layers.weights.numpy().T.astype(np.float32)
    sixteenths = g.node("MatMul", cells, g.constant(weights))
    sums = _channels(g, sixteenths, 0, COMPONENTS)
    means = _floor_times(g, sums, 1 / _SIXTEENTHS)
    apart = _reshaped(g, cells, [-1, side, side, COMPONENTS, pixels])
    details = g.node("Sub", apart, _reshaped(g, means, [-1, side, side, COMPONENTS, 1]))
    details = _reshaped(g, details, [-1, side, side, COMPONENTS * pixels])
    seen = g.node("Concat", *_differences(g, means), details, axis=3)
    stream = _blocks(g, g.conv(_signed_features(g, seen), layers.enter), layers.blocks)
    mean, index = _answer(g, g.conv(stream, layers.head), layers.channels)
    g.output(g.node("Add", sixteenths, mean), "mean", ["s", side, side, layers.channels])
    g.output(index, "index", ["s", side, side, layers.channels])
    return g.model()


def _link_graph(link: Link, side: int, source: str, lowering: Lowering) -> onnx.ModelProto:
    g = _new_graph(lowering)
    shape: list[int | str] = ["s", side, side, link.channels]
    folded = _unshuffled(g, g.input(source, shape), side, link.channels, FOLD)
    features = _signed_features(g, folded)
    stream = _blocks(g, g.conv(features, link.enter), link.blocks)
    answer = g.add(g.conv(features, link.straight), g.conv(stream, link.head))
    for name, part in zip(
        ("mean", "index"), _answer(g, answer, link.channels * FOLD**2), strict=True
    ):
        g.output(g.pixel_shuffle(part, FOLD), name, shape)
    return g.model()


def _pixel_graph(network: Bitswap, component: int, lowering: Lowering) -> onnx.ModelProto:
    g = _new_graph(lowering)
    layers: Pixels = network.pixels
    cell, side = layers.cell, network.side
    latent = g.input("latent", ["s", side, side, layers.channels])
    factor = cell if component == 0 else cell // 2
    if component == 0:
        seen = g.node("Concat", *_differences(g, latent), latent, axis=3)
        stream = _blocks(g, g.conv(_signed_features(g, seen), layers.enter), layers.blocks)
    else:
        state = g.input("state", ["s", 2 * side, 2 * side, layers.fine_width])
        known = g.input("seen", ["s", BLOCK, BLOCK, component])
        base = _predicted(g, latent, component - 1, side, cell)
        whole = _floor_times(g, base, 1 / _SIXTEENTHS)
        detail = g.node("Sub", _channels(g, known, component - 1, component), whole)
        detail = _unshuffled(g, detail, BLOCK, 1, factor)
        look, chosen = layers.looks[component - 1], layers.fine_blocks[component - 1]
        assert isinstance(look, ExactConv) and isinstance(chosen, nn.Sequential)
        stream = _blocks(g, g.add(state, g.conv(_signed_features(g, detail), look)), chosen)
    head = layers.heads[component]
    assert isinstance(head, ExactConv)
    mean, index = _answer(g, g.conv(stream, head), factor**2)
    base = _predicted(g, latent, component, side, cell)
    added = g.node("Add", base, g.pixel_shuffle(mean, factor) if factor > 1 else mean)
    g.output(added, "mean", ["s", BLOCK, BLOCK, 1])
    spread = g.pixel_shuffle(index, factor) if factor > 1 else index
    g.output(spread, "index", ["s", BLOCK, BLOCK, 1])
    if component == 0:
        stream = g.pixel_shuffle(g.conv(stream, layers.lift), 2)
    if component + 1 < COMPONENTS:
        g.output(stream, "next_state", ["s", 2 * side, 2 * side, layers.fine_width])
    return g.model()


# -- their parts, named as in models.networks.bitswap_layers -------------------------------------


def _blocks(g: ExactGraph, stream: str, blocks: nn.Sequential) -> str:
    for block in blocks:
        assert isinstance(block, ExactBlock)
        stream = g.block(stream, block)
    return stream


def _answer(g: ExactGraph, answer: str, outputs: int) -> tuple[str, str]:
    """A head's means and indices, both in sixteenths, rounded down."""
    parts = []
    for number, unit in enumerate((MEAN_UNIT, INDEX_UNIT)):
        part = _channels(g, answer, number * outputs, (number + 1) * outputs)
        parts.append(_floor_times(g, part, unit * _SIXTEENTHS / 2**STREAM_BITS))
    return parts[0], parts[1]


def _predicted(g: ExactGraph, latent: str, component: int, side: int, cell: int) -> str:
    """A component's prediction (s, 64, 64, 1) in sixteenths; Y's with its 128."""
    unit, whole = _SIXTEENTHS // cell**2, (2 * cell) ** 2
    means = _channels(g, latent, component, component + 1)
    units = _stretched(g, _stretched(g, means, side, cell, 1), side, cell, 2)
    cells = _unshuffled(g, units, BLOCK, 1, cell)
    there = _times(g, _sum(g, cells), 1 / (cell**2 * whole))
    lacking = _floor_times(g, g.node("Sub", means, there), _SIXTEENTHS)
    sixteenths = g.node("Add", _floor_times(g, cells, _SIXTEENTHS / whole), lacking)
    if component == 0:
        ramp = g.constant(ramp_of(cell).flatten().numpy())
        there = _times(g, _sum(g, g.node("Mul", cells, ramp)), unit / whole)
        said = _times(g, _channels(g, latent, COMPONENTS, COMPONENTS + 1), _SIXTEENTHS)
        lacking = g.node("Floor", g.node("Sub", said, there))
        slope = _floor_times(g, g.node("Mul", lacking, ramp), SLOPES[cell] / 32)
        middle = g.constant(np.array(_MIDDLE * _SIXTEENTHS, np.float32))
        sixteenths = g.node("Add", g.node("Add", sixteenths, slope), middle)
    return g.pixel_shuffle(sixteenths, cell)


def _stretched(g: ExactGraph, x: str, side: int, cell: int, axis: int) -> str:
    """One axis of (s, h, w, 1) interpolated, in units of 1 / (2 cell)."""
    shape = [side * cell, side] if axis == 2 else [side, side]
    before = _padded(g, x, axis, 0)
    after = _padded(g, x, axis, 1)
    phases = []
    for i in range(cell):
        off = 2 * i + 1 - cell
        near = _times(g, x, 2 * cell - abs(off))
        far = _times(g, before if off < 0 else after, abs(off))
        phases.append(_reshaped(g, g.node("Add", near, far), _with_one(shape, axis)))
    shape[axis - 1] *= cell
    return _reshaped(g, g.node("Concat", *phases, axis=axis + 1), [-1, *shape, 1])


def _with_one(shape: list[int], axis: int) -> list[int]:
    return [-1, *shape[:axis], 1, *shape[axis:]]


def _padded(g: ExactGraph, x: str, axis: int, offset: int) -> str:
    """x[i - 1] (offset 0) or x[i + 1] (offset 1) along an axis, edges repeated."""
    pads = np.zeros(8, np.int64)
    pads[axis + 4 * offset] = 1
    padded = g.node("Pad", x, g.constant(pads), mode="edge")
    start, end = (0, -1) if offset == 0 else (1, 2**31)
    parts = (np.array([each], np.int64) for each in (start, end, axis))
    return g.node("Slice", padded, *(g.constant(part) for part in parts))


def _differences(g: ExactGraph, x: str) -> tuple[str, str]:
    across = g.node("Sub", _padded(g, x, 2, 1), x)
    return across, g.node("Sub", _padded(g, x, 1, 1), x)


def _signed_features(g: ExactGraph, values: str) -> str:
    """``models.layers.centred.signed_features``; u8 operand."""
    both = g.node("Concat", _times(g, values, FINE), values, axis=3)
    low, high = (g.constant(np.array(each, np.float32)) for each in (-ZERO, ZERO - 1))
    clipped = g.node("Clip", both, low, high)
    return g.as_operand(g.node("Add", clipped, g.constant(np.array(ZERO, np.float32))))


def _unshuffled(g: ExactGraph, x: str, side: int, channels: int, factor: int) -> str:
    """(s, h, w, C) to (s, h/f, w/f, C f^2), torch's channel order c f^2 + i f + j."""
    if factor == 1:
        return x
    small = side // factor
    cells = _reshaped(g, x, [-1, small, factor, small, factor, channels])
    cells = g.node("Transpose", cells, perm=[0, 1, 3, 5, 2, 4])
    return _reshaped(g, cells, [-1, small, small, channels * factor**2])


def _channels(g: ExactGraph, x: str, start: int, stop: int) -> str:
    parts = (np.array([each], np.int64) for each in (start, stop, 3))
    return g.node("Slice", x, *(g.constant(part) for part in parts))


def _reshaped(g: ExactGraph, x: str, shape: list[int]) -> str:
    return g.node("Reshape", x, g.constant(np.array(shape, np.int64)))


def _times(g: ExactGraph, x: str, factor: float) -> str:
    scaled: NDArray[np.float32] = np.array(factor, np.float32)
    return g.node("Mul", x, g.constant(scaled))


def _floor_times(g: ExactGraph, x: str, factor: float) -> str:
    return g.node("Floor", _times(g, x, factor))


def _sum(g: ExactGraph, x: str) -> str:
    """Over the channels; no MatMul, whose inputs could be rounded to fewer bits than these have."""
    return g.node("ReduceSum", x, g.constant(np.array([3], np.int64)), keepdims=1)
