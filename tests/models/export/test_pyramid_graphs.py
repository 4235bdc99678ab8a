"""The law of exact layers for the pyramid: torch and both lowerings give the same integers."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from models.export.exact_graph import ExactGraph
from models.export.fused_graph import FusedGraph
from models.export.pyramid_graphs import level_graphs
from models.layers.exact import ExactConv, set_exact
from models.networks.pyramid import PHASES, Pyramid, predict
from tests.models import tiny

LEVELS = [
    ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
]


def session(model, level=LEVELS[-1], threads=1):
    options = ort.SessionOptions()
    options.graph_optimization_level = level
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def run(of, **feeds):
    feeds = {name: np.ascontiguousarray(array, np.float32) for name, array in feeds.items()}
    return dict(zip([o.name for o in of.get_outputs()], of.run(None, feeds), strict=True))


def last(tensor):
    return tensor.permute(0, 2, 3, 1).numpy()


@pytest.fixture(scope="module")
def network():
    # 10 x 14 positions are no multiple of the period.
    made = Pyramid((12, 8), (1, 2), (4, 0))
    tiny.scatter(made, 3)
    tiny.scatter_places(made, 3)
    set_exact(made, True)
    return made


@pytest.fixture(scope="module")
def walked(network):
    """A walk with random values: coarse picture, values of each step, the integers answered."""
    generator = torch.Generator().manual_seed(4)
    coarse = torch.randint(-90, 300, (3, 3, 10, 14), generator=generator).float()
    values, expected = {}, []

    def code(phase, component, mean, index):
        base = torch.floor(mean)
        spread = torch.randint(-150, 151, mean.shape, generator=generator).float()
        values[phase, component] = torch.where(spread.abs() > 60, base, base + spread)
        expected.append((torch.floor(16 * mean), torch.floor(16 * index)))
        return values[phase, component]

    with torch.no_grad():
        network.network(0).walk(coarse, code)
    return coarse, values, expected


@pytest.mark.parametrize("lowering", ["float", "integer"])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("threads", [1, 3])
def test_graphs_answer_with_torchs_integers(network, walked, lowering, level, threads):
    coarse, values, expected = walked
    graphs = level_graphs(network, lowering)
    sessions = {
        stem.removeprefix("level_0_"): session(graph, level, threads)
        for stem, graph in graphs.items()
        if stem.startswith("level_0_")
    }
    planes, found = {"a": coarse}, iter(expected)
    feeds = {"coarse": last(coarse)}
    for phase in PHASES:
        base = predict(phase, planes)
        answers = run(sessions[phase], **feeds)
        index, symbols = answers["index"], []
        for component in range(3):
            if component:
                index = run(
                    sessions[("co", "cg")[component - 1]],
                    hidden=answers[f"hidden_{component}"],
                    symbols=np.stack(symbols, -1),
                )["index"]
            mean16, index16 = (each[:, 0].numpy() for each in next(found))
            mine = 16 * base[:, component].numpy() + index[..., 0]
            assert (mine == mean16).all()
            assert (index[..., 1] == index16).all()
            symbols.append(values[phase, component][:, 0].numpy() - np.floor(mine / 16))
        planes[phase] = torch.cat([values[phase, c] for c in range(3)], 1)
        if "next_state" in answers:
            feeds = {"state": answers["next_state"], "residual": last(planes[phase] - base)}


def test_no_graph_has_a_convolution(network):
    for lowering in ("float", "integer"):
        for graph in level_graphs(network, lowering).values():
            kinds = {node.op_type for node in graph.graph.node}
            assert not any("Conv" in kind for kind in kinds)
            assert ("MatMul" in kinds) == (lowering == "float")


@pytest.mark.parametrize("between", [1, 4, 7, 8, 10])
@pytest.mark.parametrize("grid", [-3.0, 0.0, 5.0])
def test_fused_pairs_round_as_two_layers_do(between, grid):
    """Ties and saturation included: small weights on coarse grids give many halves."""
    first, second = ExactConv(6, 5, 3), ExactConv(5, 4, 1, input_bits=between)
    tiny.scatter(first, 6)
    tiny.scatter(second, 7)
    with torch.no_grad():
        first.weight.mul_(2.0**grid)
    set_exact(first, True)
    set_exact(second, True)
    stream = torch.randint(-3000, 9000, (2, 6, 9, 8))
    expected = second(first(stream / 256)) * 256
    for g in (FusedGraph(), ExactGraph("float")):
        answer = g.pair(g.input("x", ["p", "h", "w", 6]), first, second)
        g.output(answer, "y", ["p", "h", "w", 4])
        found = run(session(g.model()), x=last(stream))["y"]
        assert (found == last(expected.detach())).all()


def test_rounding_to_u8_goes_up_at_every_half():
    g = FusedGraph()
    shape = ["p", "h", "w", 1]
    u8 = g.to_u8(g.input("x", shape), 6)
    g.output(g.node("Cast", u8, to=onnx.TensorProto.FLOAT), "y", shape)
    x = np.arange(-20, 1200).reshape(1, 1, -1, 1)
    found = run(session(g.model()), x=x)["y"]
    assert (found == np.clip((x + 2) // 4, 0, 255)).all()
