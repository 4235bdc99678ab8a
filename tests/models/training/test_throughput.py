import pytest
import torch
from torch import nn

from models.training import throughput
from models.training.throughput import Throughput, in_words, operation_counter

CPU = torch.device("cpu")


@pytest.fixture
def peak_of_a_million(monkeypatch):
    monkeypatch.setattr(throughput, "peak", lambda device, dtype: 1e6)


def counted(compute):
    with operation_counter() as counter:
        compute()
    return counter.get_total_flops()


def test_a_matrix_product_and_its_two_gradients():
    a, b = torch.zeros(3, 5, requires_grad=True), torch.zeros(5, 7, requires_grad=True)
    assert counted(lambda: a @ b) == 2 * 3 * 5 * 7
    assert counted(lambda: (a @ b).sum().backward()) == 3 * (2 * 3 * 5 * 7)


@pytest.mark.parametrize(
    ("layer", "weights", "positions"),
    [
        (nn.Conv2d(4, 6, 3, padding=1), 6 * 4 * 9, 8 * 10),
        (nn.Conv2d(4, 6, 5, stride=2, padding=2), 6 * 4 * 25, 4 * 5),
        (nn.Conv2d(12, 12, 3, padding=1, groups=12), 12 * 9, 8 * 10),
        (nn.Conv2d(12, 6, 3, padding=1, groups=3), 6 * 4 * 9, 8 * 10),
        (nn.ConvTranspose2d(4, 6, 3, stride=2), 4 * 6 * 9, 8 * 10),
    ],
    ids=["3x3", "strided", "depthwise", "grouped", "transposed"],
)
def test_a_convolution_and_its_gradients(layer, weights, positions):
    x = torch.zeros(2, layer.in_channels, 8, 10)
    forwards = 2 * 2 * positions * weights
    assert counted(lambda: layer(x)) == forwards
    # What comes in first needs no gradient, what follows does.
    assert counted(lambda: layer(x).sum().backward()) == 2 * forwards
    x.requires_grad_()
    assert counted(lambda: layer(x).sum().backward()) == 3 * forwards
    layer.requires_grad_(False)
    assert counted(lambda: layer(x).sum().backward()) == 2 * forwards


def test_counting_changes_no_result():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Dropout(), nn.Conv2d(8, 2, 3))
    x = torch.rand(2, 3, 16, 16)

    def gradients():
        torch.manual_seed(1)
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            value = network(x).square().sum()
        value.backward()
        return [parameter.grad.clone() for parameter in network.parameters()], torch.rand(1)

    plain, after = gradients()
    with operation_counter():
        watched, after_watched = gradients()
    assert all(torch.equal(a, b) for a, b in zip(plain, watched, strict=True))
    assert torch.equal(after, after_watched)


def test_the_first_step_is_counted_and_stands_for_all(peak_of_a_million):
    stage = Throughput(CPU, torch.float32, 4)
    assert stage.rates(10, 2.0) == {"pictures_per_second": 20.0}
    a = torch.zeros(10, 10)
    for steps in (1, 5):
        with stage.counted():
            for _ in range(steps):
                a @ a
    expected = {"pictures_per_second": 20.0, "flops_per_second": 10_000.0, "share_of_peak": 0.01}
    assert stage.rates(10, 2.0) == expected


def test_the_rates_in_words(peak_of_a_million):
    rates = {"pictures_per_second": 20.0}
    assert in_words(rates) == "20 pictures/s"
    rates |= {"flops_per_second": 1.234e11, "share_of_peak": 0.256}
    assert in_words(rates) == "20 pictures/s, 0.123 TFLOP/s, 26% of the device's peak"


def test_the_peak_is_that_of_the_fastest_product(monkeypatch):
    seen = []

    def seconds(a, b):
        assert a.dtype == b.dtype == torch.bfloat16
        seen.append(a.shape[0])
        # Larger products are more efficient, and one in two is disturbed.
        return (a.shape[0] ** 2 / 1e8) * (1 + len(seen) % 2)

    monkeypatch.setattr(throughput, "_seconds", seconds)
    monkeypatch.setattr(throughput, "LONGEST", 8 * 10 * 400**2 / 1e8)
    found = throughput.peak.__wrapped__(CPU, torch.bfloat16)
    assert set(seen) == {256, 512}
    assert found == pytest.approx(2 * 512 * 1e8)


def test_without_memory_for_a_product_there_is_no_share(monkeypatch):
    def full(a, b):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(throughput, "_seconds", full)
    monkeypatch.setattr(throughput, "peak", throughput.peak.__wrapped__)
    stage = Throughput(CPU, torch.float32, 3)
    with stage.counted():
        torch.mm(torch.ones(4, 4), torch.ones(4, 4))
    rates = stage.rates(2, 1.0)
    assert rates == {"pictures_per_second": 6, "flops_per_second": 256}
    assert in_words(rates) == "6 pictures/s, 2.56e-10 TFLOP/s"


def test_a_peak_is_measured_once_and_leaves_training_s_draws(monkeypatch):
    throughput.peak.cache_clear()
    monkeypatch.setattr(throughput, "SIDES", (16,))
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    first = throughput.peak(CPU, torch.float32)
    assert torch.equal(torch.rand(3), expected)
    assert first > 0
    monkeypatch.setattr(throughput, "_seconds", None)
    assert throughput.peak(CPU, torch.float32) == first
    throughput.peak.cache_clear()


@pytest.mark.parametrize("tf32", [True, False])
def test_products_are_measured_in_the_precision_of_convolutions(monkeypatch, tf32):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", tf32)
    before = torch.get_float32_matmul_precision()
    with throughput._precision_of_convolutions(torch.device("cuda")):
        assert torch.get_float32_matmul_precision() == ("high" if tf32 else before)
    assert torch.get_float32_matmul_precision() == before
