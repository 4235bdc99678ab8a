"""The integer lowering with fewer passes over memory, for ONNX Runtime's CPU provider.

The same integers as ``ExactGraph``. Two of ONNX Runtime's operators do what takes that one five:
``MatMulIntegerToFloat`` scales its sums by powers of two and adds a bias before it writes them, and
``QuantizeLinear`` scales, rounds, clips and casts. It rounds half to even where an exact layer
rounds half up; half a unit of the finest grid, added before, leaves no ties and changes nothing
else.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from models.export.exact_graph import OPSET, ExactGraph, weights_of
from models.layers.exact import EXACT_LIMIT, LARGEST_ACTIVATION, STREAM_BITS, ExactConv

_DOMAIN = "com.microsoft"


class FusedGraph(ExactGraph):
    """Builds one graph; see ``ExactGraph``."""

    def __init__(self) -> None:
        super().__init__("integer")

    def model(self) -> onnx.ModelProto:
        """The graph as a model."""
        graph = helper.make_graph(
            self.nodes, "exact", self.inputs, self.outputs, initializer=self.constants
        )
        domains = [helper.make_opsetid("", OPSET), helper.make_opsetid(_DOMAIN, 1)]
        model = helper.make_model(graph, opset_imports=domains)
        model.ir_version = 9
        onnx.checker.check_model(model)
        return model

    def to_u8(self, stream: str, input_bits: int) -> str:
        """The stream on a coarser grid, clipped to 0..255."""
        coarser = STREAM_BITS - input_bits
        if coarser > 0:
            stream = self.node("Add", stream, self._scalar(0.5))
        return self._quantised(stream, 2.0**coarser)

    def product(self, u8: str, layer: ExactConv, outputs: slice = slice(None)) -> str:
        """Sums of an operand, on the stream's grid."""
        _, bias, shift = weights_of(layer, outputs)
        half = np.where(shift < 0, 2.0 ** (-shift - 1), 0.0)
        scaled = self._sums(u8, layer, outputs, 2.0**shift, (bias + half) * 2.0**shift)
        return self.node("Floor", scaled) if np.any(shift < 0) else scaled

    def pair(self, x: str, first: ExactConv, second: ExactConv) -> str:
        """One layer after the other; what is between them is never on the stream's grid.

        Rounding to that grid and then to the second layer's coarser one is one floor:
        floor((floor(v) + 2^(k-1)) / 2^k) = floor(v / 2^k + 1/2).
        """
        coarser = STREAM_BITS - int(second.input_bits)
        matrix, bias, shift = weights_of(first)
        half = np.where(shift < 0, 2.0 ** (-shift - 1), 0.0)
        grid = 2.0 ** (np.minimum(shift, 0) - coarser)
        largest = LARGEST_ACTIVATION * np.abs(matrix).sum(0) + np.abs(bias) + half
        units = largest * 2.0 ** (shift - coarser) / (grid / 2) + 1
        if coarser < 1 or units.max() >= EXACT_LIMIT:
            return super().pair(x, first, second)
        first.prove_bound()
        second.prove_bound()
        scale = 2.0 ** (shift - coarser)
        operand = self.operand(x, first)
        middle = self._sums(operand, first, slice(None), scale, (bias + half) * scale + grid / 2)
        u8 = self._quantised(middle, 1.0)
        return self.product(self.gather3x3(u8) if second.kernel == 3 else u8, second)

    def _sums(
        self,
        u8: str,
        layer: ExactConv,
        outputs: slice,
        scale: NDArray[np.float64],
        bias: NDArray[np.float64],
    ) -> str:
        """sums * scale + bias, scale and bias by channel."""
        matrix, _, _ = weights_of(layer, outputs)
        return self.node(
            "MatMulIntegerToFloat",
            u8,
            self.constant(matrix.astype(np.int8)),
            self._scalar(1.0),
            self.constant(scale.astype(np.float32)),
            "",
            "",
            self.constant(bias.astype(np.float32)),
            domain=_DOMAIN,
        )

    def _quantised(self, x: str, scale: float) -> str:
        return self.node(
            "QuantizeLinear", x, self._scalar(scale), self.constant(np.array(0, np.uint8))
        )
