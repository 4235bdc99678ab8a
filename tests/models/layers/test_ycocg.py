import numpy as np
import torch

from models.layers.ycocg import to_ycocg
from service.codec import colour


def test_training_and_the_service_transform_alike():
    levels = torch.tensor([0, 1, 2, 127, 128, 200, 254, 255])
    rgb = torch.cartesian_prod(levels, levels, levels)
    found = to_ycocg(rgb.float().T[None, :, :, None])[0, :, :, 0].T
    expected = colour.to_ycocg(rgb.numpy().astype(np.uint8))
    assert (found.numpy() == expected).all()
