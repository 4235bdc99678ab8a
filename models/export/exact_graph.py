"""Exact layers as ONNX graphs of integers: Pad, Slice, Concat, MatMul; no Conv.

Two lowerings of the same weights. ``float``: float32 MatMul on integers under 2^24, exact on every
provider. ``integer``: u8 x s8 MatMulInteger, faster on CPUs, the same sums (|w| <= 64 keeps pairs
of products within 16 bits, so kernels without VNNI don't saturate). Layout is NHWC.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from models.layers.exact import LARGEST_ACTIVATION, STREAM_BITS, ExactBlock, ExactConv
from models.networks.subband_prior import DISTANCES, MAGNITUDES

Lowering = Literal["float", "integer"]
LOWERINGS: tuple[Lowering, ...] = ("float", "integer")
OPSET = 17


class ExactGraph:
    """Builds one graph; every method takes and returns tensor names.

    A stream tensor holds integers, real value times 2^STREAM_BITS, as float32. A u8 tensor holds
    0..255, as float32 or uint8 by lowering.
    """

    def __init__(self, lowering: Lowering) -> None:
        self.lowering = lowering
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self._count = 0

    # -- plumbing ---------------------------------------------------------------------------

    def constant(self, array: NDArray[np.generic]) -> str:
        """A tensor stored in the graph."""
        name = self._name("c")
        self.constants.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """An operator of one output."""
        name = self._name(kind.lower())
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def input(self, name: str, shape: list[int | str]) -> str:
        """A float32 input of the graph; names are free dimensions."""
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def output(self, tensor: str, name: str, shape: list[int | str]) -> None:
        """Make a tensor an output of the graph."""
        self.nodes.append(helper.make_node("Identity", [tensor], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))

    def model(self) -> onnx.ModelProto:
        """The graph, checked."""
        graph = helper.make_graph(
            self.nodes, "exact", self.inputs, self.outputs, initializer=self.constants
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 9
        onnx.checker.check_model(model, full_check=True)
        return model

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"

    def _scalar(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    # -- integer arithmetic -------------------------------------------------------------------

    def scaled_floor(self, x: str, shift: NDArray[np.float64] | float) -> str:
        """floor(x * 2^shift + 1/2) on integers; shift by channel or for all."""
        shift = np.asarray(shift, np.float64)
        half = np.where(shift < 0, 2.0 ** (-shift - 1), 0.0).astype(np.float32)
        if np.any(half):
            x = self.node("Add", x, self.constant(half))
        if np.any(shift != 0):
            x = self.node("Mul", x, self.constant((2.0**shift).astype(np.float32)))
        return self.node("Floor", x) if np.any(half) else x

    def to_u8(self, stream: str, input_bits: int) -> str:
        """What enters a product: the stream on a coarser grid, clipped to 0..255."""
        scaled = self.scaled_floor(stream, float(input_bits - STREAM_BITS))
        clipped = self.node("Clip", scaled, self._scalar(0.0), self._scalar(LARGEST_ACTIVATION))
        return self.as_operand(clipped)

    def as_operand(self, u8: str) -> str:
        """u8 values in the type that products take."""
        if self.lowering == "float":
            return u8
        return self.node("Cast", u8, to=TensorProto.UINT8)

    def gather3x3(self, u8: str) -> str:
        """Neighbourhoods (N, H, W, C) to (N, H, W, 9 C), zero beyond the borders."""
        pads = self.constant(np.array([0, 1, 1, 0, 0, 1, 1, 0], np.int64))
        zero = np.array(0, np.float32 if self.lowering == "float" else np.uint8)
        padded = self.node("Pad", u8, pads, self.constant(zero))
        axes = self.constant(np.array([1, 2], np.int64))
        shifted = []
        for row in range(3):
            for column in range(3):
                # Negative ends, since height and width may be dynamic.
                ends = np.array([row - 2 or 2**31, column - 2 or 2**31], np.int64)
                starts = self.constant(np.array([row, column], np.int64))
                shifted.append(self.node("Slice", padded, starts, self.constant(ends), axes))
        return self.node("Concat", *shifted, axis=3)

    def conv(self, x: str, layer: ExactConv) -> str:
        """One ExactConv; ``x`` is a stream, or a u8 operand where the layer is raw."""
        layer.prove_bound()
        return self.product(self.operand(x, layer), layer)

    def operand(self, x: str, layer: ExactConv) -> str:
        """What the layer's weights are multiplied with."""
        u8 = x if layer.raw else self.to_u8(x, int(layer.input_bits))
        return self.gather3x3(u8) if layer.kernel == 3 else u8

    def product(self, u8: str, layer: ExactConv, outputs: slice = slice(None)) -> str:
        """Sums of an operand, on the stream's grid; all of the layer's outputs or some."""
        matrix, bias, shift = weights_of(layer, outputs)
        if self.lowering == "float":
            total = self.node("MatMul", u8, self.constant(matrix.astype(np.float32)))
        else:
            product = self.node("MatMulInteger", u8, self.constant(matrix.astype(np.int8)))
            total = self.node("Cast", product, to=TensorProto.FLOAT)
        half = np.where(shift < 0, 2.0 ** (-shift - 1), 0.0)
        total = self.node("Add", total, self.constant((bias + half).astype(np.float32)))
        total = self.node("Mul", total, self.constant((2.0**shift).astype(np.float32)))
        return self.node("Floor", total)

    def pair(self, x: str, first: ExactConv, second: ExactConv) -> str:
        """One layer after the other."""
        return self.conv(self.conv(x, first), second)

    def add(self, a: str, b: str) -> str:
        """The sum of two streams."""
        return self.node("Add", a, b)

    def block(self, stream: str, block: ExactBlock) -> str:
        """One ExactBlock."""
        return self.add(stream, self.pair(stream, block.wide, block.mix))

    def pixel_shuffle(self, x: str, factor: int) -> str:
        """(N, H, W, C f^2) to (N, f H, f W, C), torch's channel order c f^2 + i f + j."""
        nchw = self.node("Transpose", x, perm=[0, 3, 1, 2])
        nchw = self.node("DepthToSpace", nchw, blocksize=factor, mode="CRD")
        return self.node("Transpose", nchw, perm=[0, 2, 3, 1])

    # -- features of symbols --------------------------------------------------------------------

    def magnitude(self, symbols: str) -> str:
        """The table of ``models.networks.subband_prior.magnitude`` as a Gather; u8 operand."""
        return self._gathered(MAGNITUDES, self.node("Abs", symbols))

    def distance(self, symbols: str) -> str:
        """The table of ``models.networks.subband_prior.distance`` as a Gather; u8 operand."""
        quarters = self.node("Mul", symbols, self._scalar(4.0))
        return self._gathered(
            DISTANCES, self.node("Abs", self.node("Sub", quarters, self._scalar(1.0)))
        )

    def _gathered(self, table: Tensor, index: str) -> str:
        """Entries of a table of 256, by an index of which those beyond are the last."""
        whole = self.node(
            "Cast", self.node("Min", index, self._scalar(255.0)), to=TensorProto.INT32
        )
        kind = np.float32 if self.lowering == "float" else np.uint8
        return self.node("Gather", self.constant(table.numpy().astype(kind)), whole, axis=0)

    def signed(self, symbols: str) -> str:
        """``models.networks.subband_prior.signed_feature``: 4 (s + 32), clipped; u8 operand."""
        moved = self.node("Mul", self.node("Add", symbols, self._scalar(32.0)), self._scalar(4.0))
        return self.as_operand(
            self.node("Clip", moved, self._scalar(0.0), self._scalar(LARGEST_ACTIVATION))
        )


def weights_of(
    layer: ExactConv, outputs: slice = slice(None)
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Integer matrix (kh kw I, O), integer bias (O,), and the shift to the stream's grid (O,)."""
    weight, bias, bits = (t.detach().double().numpy()[outputs] for t in layer.integers())
    # (O, I, kh, kw) -> (kh kw I, O): the order in which gather3x3 lays out neighbours.
    matrix = weight.transpose(2, 3, 1, 0).reshape(-1, weight.shape[0])
    return matrix, bias, STREAM_BITS - int(layer.input_bits) - bits
