import numpy as np
import onnxruntime as ort
import pytest
import torch

from models.export.float_graphs import float_graphs
from models.export.prior_graphs import features_graph, step_graphs
from models.layers.exact import set_exact
from models.networks.hyperprior import Hyperprior
from models.networks.lite import Lite
from tests.models import tiny


def lite():
    network = Lite(widths=(6, 6, 4), features=4, restoration_width=6, restoration_blocks=1)
    torch.nn.init.normal_(network.restoration.leave.weight, std=0.02)
    return network


NETWORKS = {"lite": lite, "hp": lambda: Hyperprior(N=6, M=10, width=8, features=4)}


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]()


def run(graph, **feed):
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    # A network that does not look at the quality has no such input.
    wanted = {each.name for each in session.get_inputs()}
    (answer,) = session.run(None, {name: feed[name] for name in wanted})
    return answer


@torch.no_grad()
def test_each_graph_computes_what_torch_does_at_any_size(network):
    y_channels = network.gains_y.logarithm.shape[1] if isinstance(network, Hyperprior) else 384
    z_channels = network.gains_z.logarithm.shape[1]
    graphs = float_graphs(
        network, y_channels, z_channels, network.hyper_channels, network.mean_channels
    )
    assert ("means" in graphs) == (network.mean_channels > 0)
    picture = np.random.default_rng(0).integers(0, 256, (1, 512, 256, 3), np.uint8)
    rgb = torch.from_numpy(picture).permute(0, 3, 1, 2).float()

    y = network.analysis(rgb)
    found = run(graphs["analysis"], picture=picture)
    # Weights travel as float16.
    assert np.abs(found - y.permute(0, 2, 3, 1).numpy()).max() < 0.01 * float(y.abs().max())

    z = network.hyper_analysis(y)
    fed = np.ascontiguousarray(y.permute(0, 2, 3, 1).numpy()[..., : network.hyper_channels])
    found = run(graphs["hyper_analysis"], y=fed)
    assert np.abs(found - z.permute(0, 2, 3, 1).numpy()).max() < 0.01 * float(z.abs().max())

    quality = torch.full((1, 32, 16), 4.0)
    shown = network.synthesis(y, quality).clamp(0, 255).permute(0, 2, 3, 1).numpy()
    found = run(
        graphs["synthesis"],
        y=np.ascontiguousarray(y.permute(0, 2, 3, 1).numpy()),
        quality=quality.numpy(),
    )
    assert found.dtype == np.uint8
    assert np.abs(found - shown).max() < 3


@pytest.mark.parametrize("lowering", ["float", "integer"])
def test_the_exact_prior_of_each_network_has_its_graphs(network, lowering):
    tiny.scatter(network, 0)
    set_exact(network, True)
    assert features_graph(network.top, lowering).graph.node
    steps = step_graphs(network.prior, lowering)
    assert len(steps) == len(network.prior.groups)
