import numpy as np
import onnxruntime as ort
import pytest
import torch
from onnx import TensorProto

from models.export import float_graphs as module
from models.export.float_graphs import float_graphs
from models.export.prior_graphs import features_graph, step_graphs
from models.layers.exact import set_exact
from models.networks.hyperprior import Hyperprior
from models.networks.lite import Lite
from models.networks.masked_lite import MaskedLite
from tests.models import tiny

NETWORKS = {
    "lite": tiny.lite,
    "standard": tiny.standard,
    "lite-ms-ssim": lambda: tiny.lite(architecture=MaskedLite),
    "hp": tiny.hp,
    "hp-easn-deep": tiny.hp_easn_deep,
}


@pytest.fixture(params=NETWORKS)
def network(request):
    return NETWORKS[request.param]()


def run(graph, **feed):
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, feed)
    return answer


@torch.no_grad()
def test_each_graph_computes_what_torch_does_at_any_size(network):
    graphs = float_graphs(network)
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


@pytest.mark.parametrize("network", NETWORKS, indirect=True)
def test_a_quality_may_always_be_fed(network):
    declared = {each.name for each in float_graphs(network)["synthesis"].graph.input}
    assert declared == {"y", "quality"}


@pytest.fixture
def wide():
    """Networks whose weights are many enough to be halved."""
    lite = Lite((4, 4, 2), 2, restoration_width=24, restoration_blocks=1)
    torch.nn.init.normal_(lite.restoration.leave.weight, std=0.02)
    return {"lite": lite, "hp": Hyperprior(N=12, M=16, width=4, features=4)}


@pytest.mark.parametrize("name", ["lite", "hp"])
@torch.no_grad()
def test_weights_stored_as_float16_move_no_pixel_by_more_than_a_level(wide, name, monkeypatch):
    network = wide[name]
    stored = float_graphs(network)["synthesis"]
    monkeypatch.setattr(module, "store_half", lambda model, learned: None)
    whole = float_graphs(network)["synthesis"]
    assert stored.ByteSize() < whole.ByteSize()
    rgb = torch.nn.functional.interpolate(torch.rand(1, 3, 17, 33) * 255, (256, 512))
    y = network.analysis(rgb).permute(0, 2, 3, 1).numpy()
    fed = {"y": np.ascontiguousarray(y), "quality": np.full((1, 16, 32), 4.0, np.float32)}
    a, b = (run(graph, **fed).astype(int) for graph in (stored, whole))
    assert np.abs(a - b).max() <= 1


@pytest.mark.parametrize("name", ["lite", "hp"])
def test_learned_weights_are_halved_and_nothing_else(wide, name):
    for graph in float_graphs(wide[name]).values():
        for tensor in graph.graph.initializer:
            halved = tensor.data_type == TensorProto.FLOAT16
            assert halved == tensor.name.endswith(".half")
            if "transform" in tensor.name or len(tensor.dims) == 1:
                assert not halved
            elif tensor.name.startswith("network") and np.prod(tensor.dims) > 1024:
                assert halved
