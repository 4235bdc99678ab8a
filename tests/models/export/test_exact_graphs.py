"""The law of the exact layers: the same integers in torch and in every way of running the graph."""

import numpy as np
import onnxruntime as ort
import pytest
import torch

from models.export.exact_graph import ExactGraph
from models.export.prior_graphs import features_graph, step_graphs
from models.layers.exact import BoundError, ExactConv, exact_layers
from models.networks.subband_prior import to_sixteenths
from tests.models import tiny

LOWERINGS = ["float", "integer"]
LEVELS = [
    ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    ort.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
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


def last(tensor):
    return np.ascontiguousarray(tensor.detach().numpy().transpose(0, 2, 3, 1))


def run_steps(sessions, features, quality, symbols):
    """The coding loop: indices (P, h, w, n) of every group."""
    found, state = [], None
    for position, step in enumerate(sessions):
        feed = {}
        for wanted in step.get_inputs():
            feed[wanted.name] = {
                "features": lambda: last(features) * 256,
                "state": lambda: state,  # noqa: B023
                "symbols": lambda: last(symbols[position - 1]),  # noqa: B023
                "quality": lambda: np.minimum(np.floor(quality.numpy() / 2), 255),
            }[wanted.name]().astype(np.float32)
        answers = dict(zip([o.name for o in step.get_outputs()], step.run(None, feed), strict=True))
        state = answers.get("next_state")
        found.append(answers["index"])
    return found


@pytest.fixture(scope="module")
def prior():
    return tiny.prior(seed=4)


@pytest.fixture(scope="module")
def graphs(prior):
    return {lowering: step_graphs(prior, lowering) for lowering in LOWERINGS}


def inputs(kind, patches):
    quality = torch.linspace(0, 512, patches).floor()
    if kind == "random":
        return tiny.features(patches, 3), quality, tiny.symbols(patches, 5)
    extreme = [torch.sign(s) * 2.0**15 for s in tiny.symbols(patches, 6, largest=1)]
    return tiny.features(patches, 3) * 100, quality, extreme


@pytest.mark.parametrize("lowering", LOWERINGS)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("level", LEVELS)
def test_indices_are_those_of_torch(prior, graphs, lowering, threads, level):
    sessions = [session(graph, level, threads) for graph in graphs[lowering]]
    for kind, patches in [("random", 1), ("random", 8), ("extreme", 8)]:
        features, quality, symbols = inputs(kind, patches)
        with torch.no_grad():
            expected = [to_sixteenths(i) for i in prior(features, quality, symbols)]
        found = run_steps(sessions, features, quality, symbols)
        assert all(np.array_equal(f, last(e)) for f, e in zip(found, expected, strict=True))


def test_the_indices_of_these_tests_are_not_all_alike(prior):
    features, quality, symbols = inputs("random", 8)
    for index in prior(features, quality, symbols):
        assert len(to_sixteenths(index).unique()) > 16


@pytest.mark.parametrize("lowering", LOWERINGS)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("level", [LEVELS[0], LEVELS[-1]])
def test_features_are_those_of_torch(lowering, signed, level):
    top = tiny.top(signed, seed=2)
    running = session(features_graph(top, lowering), level, 2)
    generator = torch.Generator().manual_seed(0)
    for size, largest in [((4, 4), 6), ((8, 12), 40), ((5, 4), 2**15)]:
        shape = (1, tiny.TOP_CHANNELS, *size)
        z = torch.randint(-largest, largest + 1, shape, generator=generator).float()
        (found,) = running.run(None, {"symbols": last(z)})
        assert np.array_equal(found, last(top(z)) * 256)


@pytest.mark.parametrize("lowering", LOWERINGS)
def test_no_exact_graph_holds_a_convolution(graphs, lowering):
    for graph in [*graphs[lowering], features_graph(tiny.top(), lowering)]:
        kinds = {node.op_type for node in graph.graph.node}
        assert "MatMul" in kinds or "MatMulInteger" in kinds
        assert not {kind for kind in kinds if "Conv" in kind or kind in ("Gemm", "Div")}


@pytest.mark.parametrize("lowering", LOWERINGS)
@torch.no_grad()
def test_the_largest_sums_are_not_rounded(lowering):
    """An odd sum beyond 2^23 on a grid that need not be coarser: float32 has no half there."""
    layer = ExactConv(600, 2, 1, input_bits=4)
    layer.weight.fill_(4.0)  # 64 on a grid of 1/16: with 4 bits of input, the stream's own
    layer.weight[1, 0] = 3.5
    layer.bias.fill_(1 / 256)
    layer.exact = True
    expected = 600 * 64 * 255 + 1 - np.array([0, 8 * 255])
    graph = ExactGraph(lowering)
    stream = graph.input("stream", [1, "h", "w", 600])
    graph.output(graph.conv(stream, layer), "out", [1, "h", "w", 2])
    (found,) = session(graph.model()).run(None, {"stream": np.full((1, 2, 2, 600), 9999.0, "f")})
    assert (found == expected).all()
    assert np.array_equal(found, last(layer(torch.full((1, 600, 2, 2), 9999.0 / 256))) * 256)


def test_export_refuses_a_broken_bound():
    broken = tiny.prior()
    with torch.no_grad():
        exact_layers(broken)[-1].weight.fill_(1e6)
    with pytest.raises(BoundError):
        step_graphs(broken, "float")
