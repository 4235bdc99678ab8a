import torch
from torch import nn

from models.layers.exact import ExactConv, set_exact
from models.training.calibration import calibrate


def test_each_layer_settles_on_its_own_inputs():
    quiet, loud, idle = (ExactConv(2, 2, 1) for _ in range(3))
    idle.observed.fill_(3.0)
    raw = ExactConv(2, 2, 1, input_bits=5, raw=True)
    model = nn.ModuleList([quiet, loud, raw, idle])
    quiet.observed.fill_(1e6)  # what was observed before counts no more

    def compute(batch):
        return quiet(batch), loud(batch * 100), raw(batch)

    set_exact(model, True)
    calibrate(
        model, model, compute, [torch.full((1, 2, 64, 64), high) for high in (0.5, 1.0, 0.25)]
    )
    assert [int(layer.input_bits) for layer in (quiet, loud, raw)] == [7, 1, 5]
    assert not any(layer.exact for layer in model)
    # What had no part in it is left as it was.
    assert (float(idle.observed), int(idle.input_bits)) == (3.0, 4)
    observed = float(quiet.observed)
    compute(torch.full((1, 2, 64, 64), 9.0))
    assert float(quiet.observed) == observed  # nothing listens any longer
