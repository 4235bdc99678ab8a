import torch
from torch import nn

from models.training.averages import DECAY, WeightAverage


def test_the_average_follows_its_definition():
    weight = nn.Parameter(torch.zeros(2))
    average = WeightAverage([weight])
    expected = torch.zeros(2)
    for step in range(30):
        with torch.no_grad():
            weight.fill_(float(step))
        average.update()
        decay = min(DECAY, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert torch.allclose(average.values[0], expected, rtol=1e-5)


def test_early_weights_are_forgotten():
    weight = nn.Parameter(torch.full((1,), 1000.0))
    average = WeightAverage([weight])
    with torch.no_grad():
        weight.fill_(1.0)
    for _ in range(100):
        average.update()
    assert abs(float(average.values[0]) - 1.0) < 1e-3


def test_an_exchange_is_undone_by_another():
    weight = nn.Parameter(torch.tensor([1.0]))
    average = WeightAverage([weight])
    with torch.no_grad():
        weight.fill_(5.0)
    average.exchange()
    assert float(weight.detach()) == 1.0
    average.exchange()
    assert float(weight.detach()) == 5.0
    assert float(average.values[0]) == 1.0


def test_a_restored_average_goes_on_as_if_never_left():
    weights = [nn.Parameter(torch.tensor([1.0])) for _ in range(2)]
    first, second = (WeightAverage([w]) for w in weights)
    for _ in range(5):
        with torch.no_grad():
            weights[0].add_(1.0)
        first.update()
    second.restore(**first.state())
    with torch.no_grad():
        weights[1].copy_(weights[0])
    first.update()
    second.update()
    assert torch.equal(first.values[0], second.values[0])
