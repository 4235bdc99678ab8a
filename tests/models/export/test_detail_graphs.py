import numpy as np
import onnxruntime as ort
import torch

from models.export.detail_graphs import detail_graphs
from models.networks.lite_transform import LOW_PASS
from tests.models import tiny


@torch.no_grad()
def test_each_graph_predicts_what_torch_does_for_any_number_of_patches():
    network = tiny.standard().eval()
    graphs = detail_graphs(network)
    quality = torch.tensor([0.0, 3.5, 8.0])
    low = torch.randn(3, LOW_PASS, 16, 16) * 300
    predict = network.predictor(low, quality)
    known: list[torch.Tensor] = []
    shown = torch.zeros(3, 0, 16, 16)
    state = np.zeros(0, np.float32)
    for number, group in enumerate(network.prior.groups):
        expected = predict(number, known)
        if expected is not None:
            session = ort.InferenceSession(graphs[f"detail_means_{number}"].SerializeToString())
            fed = {"y": shown.permute(0, 2, 3, 1).numpy(), "quality": quality.numpy()}
            if "state" in {each.name for each in session.get_inputs()}:
                fed = {"y": fed["y"], "state": state}
            found, *states = session.run(None, fed)
            state = states[0] if states else np.zeros(0, np.float32)
            wanted = expected.permute(0, 2, 3, 1).numpy()
            # Weights travel as float16.
            assert np.abs(found - wanted).max() < 0.01 * np.abs(wanted).max()
        symbols = torch.randn(3, group.native, 16 * group.fold, 16 * group.fold) * 20
        folded = symbols
        if group.fold > 1:
            folded = torch.nn.functional.pixel_unshuffle(symbols, group.fold)
        if number == 0:
            folded = torch.cat([folded[:, :LOW_PASS] + low, folded[:, LOW_PASS:]], 1)
        known.append(symbols)
        shown = torch.cat([shown, folded], 1)
    assert set(graphs) == {f"detail_means_{number}" for number in range(1, 15)}
