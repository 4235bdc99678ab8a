"""The law of exact layers for bitswap: torch and both lowerings give the same integers."""

import numpy as np
import onnxruntime as ort
import pytest
import torch

from models.export.bitswap_graphs import bitswap_graphs
from tests.models import tiny

OPTIMISATIONS = [
    ort.GraphOptimizationLevel.ORT_DISABLE_ALL,
    ort.GraphOptimizationLevel.ORT_ENABLE_ALL,
]


def last(tensor):
    return np.ascontiguousarray(tensor.permute(0, 2, 3, 1).numpy(), np.float32)


def sixteenths(density):
    return [last(torch.floor(16 * each)) for each in density]


@pytest.fixture(scope="module", params=[(4, 4), (2, 5)], ids=["quarter", "half"])
def network(request):
    cell, channels = request.param
    return tiny.bitswap(3, levels=3, cell=cell, channels=channels)


@pytest.fixture(scope="module")
@torch.no_grad()
def expected(network):
    """For each graph what goes in and, in sixteenths, what torch answers."""
    generator = torch.Generator().manual_seed(4)
    blocks = torch.randint(-255, 256, (3, 3, 64, 64), generator=generator).float()
    shape = (3, network.channels, network.side, network.side)
    latents = [
        torch.randint(-reach, reach + 1, shape, generator=generator).float()
        for reach in (300, 40, 150)
    ]
    found = {"posterior_1": ({"below": last(blocks)}, *sixteenths(network.posterior(1, blocks)))}
    for level in (1, 2):
        up = sixteenths(network.posterior(level + 1, latents[level - 1]))
        down = sixteenths(network.prior(level, latents[level]))
        found[f"posterior_{level + 1}"] = {"below": last(latents[level - 1])}, *up
        found[f"prior_{level}"] = {"above": last(latents[level])}, *down

    def code(component, density):
        feeds = {"latent": last(latents[0]), "seen": last(blocks[:, :component])}
        found[("pixels_y", "pixels_co", "pixels_cg")[component]] = feeds, *sixteenths(density)
        return blocks[:, component : component + 1]

    network.pixels(latents[0], code)
    return found


@pytest.mark.parametrize("lowering", ["float", "integer"])
@pytest.mark.parametrize("optimisation", OPTIMISATIONS)
@pytest.mark.parametrize("threads", [1, 3])
@torch.no_grad()
def test_graphs_answer_with_torchs_integers(network, expected, lowering, optimisation, threads):
    graphs = bitswap_graphs(network, lowering)
    assert set(graphs) == set(expected)
    options = ort.SessionOptions()
    options.graph_optimization_level = optimisation
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    state = {}
    for stem, (known, mean, index) in expected.items():
        session = ort.InferenceSession(
            graphs[stem].SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        feeds = {each.name: {**known, **state}[each.name] for each in session.get_inputs()}
        answers = dict(
            zip([o.name for o in session.get_outputs()], session.run(None, feeds), strict=True)
        )
        assert (answers["mean"] == mean).all(), stem
        assert (answers["index"] == index).all(), stem
        assert len(np.unique(mean)) > 100 and len(np.unique(index)) > 50, stem
        if "next_state" in answers:
            state = {"state": answers["next_state"]}


def test_no_graph_has_a_convolution(network):
    for lowering in ("float", "integer"):
        for graph in bitswap_graphs(network, lowering).values():
            kinds = {node.op_type for node in graph.graph.node}
            assert not any("Conv" in kind for kind in kinds)
            assert not kinds & {"Div", "Resize"}
