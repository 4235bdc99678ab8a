"""The shipped exact graphs: integers and MatMul alone, within what every kernel adds exactly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

ALLOWED = {
    *("Abs", "Add", "Cast", "Clip", "Concat", "DepthToSpace", "Floor", "Gather", "Identity"),
    *("MatMul", "MatMulInteger", "Min", "Mul", "Pad", "ReduceSum", "Reshape", "Slice", "Sub"),
    "Transpose",
    # Of whole numbers: how often a bias repeats over a plane.
    *("Shape", "Div", "Tile"),
    # Fused, for the CPU provider: sums scaled by powers of two; a shift, a clip and a cast.
    *("MatMulIntegerToFloat", "QuantizeLinear"),
}
PRODUCTS = ("MatMul", "MatMulInteger", "MatMulIntegerToFloat")


def exact_graphs(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*/*/*.float.onnx")) + sorted(folder.glob("*/*/*.integer.onnx"))
    assert len(found) >= 4
    return found


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def test_no_conv(zoo_folder: Path) -> None:
    for path in exact_graphs(zoo_folder):
        operations = {node.op_type for node in onnx.load(path).graph.node}
        assert "Conv" not in operations, path
        assert operations <= ALLOWED, path
        floating = path.name.endswith(".float.onnx")
        expected = {"MatMul"} if floating else {"MatMulInteger", "MatMulIntegerToFloat"}
        # Signed pixels enter bitswap's sums over cells as they are, which takes no u8 product.
        sums = {"MatMul"} if path.name.startswith("posterior_1") else set()
        assert operations & set(PRODUCTS) <= expected | sums, path
        assert operations & expected, path


def test_every_lowering_is_there(zoo_folder: Path) -> None:
    names = {path.name for path in exact_graphs(zoo_folder)}
    stems = {name.split(".")[0] for name in names}
    assert names == {f"{stem}.{kind}.onnx" for stem in stems for kind in ("float", "integer")}


def test_weights_are_small_integers_and_no_sum_leaves_24_bits(zoo_folder: Path) -> None:
    for path in exact_graphs(zoo_folder):
        model = onnx.load(path)
        held = constants(model)
        products = [n for n in model.graph.node if n.op_type in PRODUCTS]
        assert products
        for node in products:
            weights = held[node.input[1]].astype(np.float64)
            assert np.array_equal(weights, np.rint(weights)), path
            assert np.abs(weights).max() <= 64, path
            assert (255 * np.abs(weights).sum(axis=0)).max() < 2**24, path


def test_both_lowerings_hold_the_same_weights(zoo_folder: Path) -> None:
    for path in exact_graphs(zoo_folder):
        if not path.name.endswith(".float.onnx"):
            continue
        other = path.with_name(path.name.replace(".float.", ".integer."))
        pair = []
        for name in (path, other):
            model = onnx.load(name)
            held = constants(model)
            pair.append(
                [
                    held[node.input[1]].astype(np.float64)
                    for node in model.graph.node
                    if node.op_type in PRODUCTS
                ]
            )
        assert all(map(np.array_equal, *pair)), path
        assert len(pair[0]) == len(pair[1])


@pytest.mark.parametrize("kind", ["float", "integer"])
def test_scales_are_powers_of_two(zoo_folder: Path, kind: str) -> None:
    """What rescales a sum is exact in float32: a mantissa of one bit.

    Predictions from latents, whose bound the exporter proves, are weighted with small integers too.
    """
    for path in sorted(zoo_folder.glob(f"*/*/*.{kind}.onnx")):
        model = onnx.load(path)
        held = constants(model)
        for node in model.graph.node:
            if node.op_type == "Mul":
                mantissas = np.frexp(np.abs(held[node.input[1]]))[0]
                if path.name.startswith("pixels_"):
                    assert (mantissas * 16 == np.rint(mantissas * 16)).all(), path
                else:
                    assert (mantissas == 0.5).all(), path
