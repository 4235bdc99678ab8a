import pytest

from service.cli.layers import LAYERS, bytes_by_layer


def inspected(mode: str, **others: object) -> dict[str, object]:
    """A file of 1,000 bytes: 300 of background, 200 of blade patches, 50 of upper levels."""
    return {
        "mode": mode,
        "bytes": 1000,
        "chunks": {"index": 90, "levels": 50, "patches": 500},
        "patches": {"background": {"bytes": 300}, "blade": {"bytes": 200}},
        "lossless": None,
        **others,
    }


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (inspected("lossy"), (300, 50, 0, 200, 450)),
        (
            inspected("lossless", lossless={"bytes": 400, "lent_bytes": 250}),
            (300, 50, 200, 400, 50),
        ),
        (inspected("roi-only", chunks={}, lossless={"bytes": 400}), (300, 0, 200, 400, 100)),
    ],
)
def test_every_byte_is_in_one_layer(told: dict[str, object], expected: tuple[int, ...]) -> None:
    layers = bytes_by_layer(told)
    assert tuple(layers) == LAYERS
    assert tuple(layers.values()) == expected
    assert sum(layers.values()) == 1000
