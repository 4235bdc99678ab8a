"""What Prometheus is told. Labels are few and known beforehand; none depends on a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100)
_SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1)


class Metrics:
    """The service's metrics, in a registry of their own.

    Parameters
    ----------
    queue_depth, device_memory_bytes, finds_blade
        Asked whenever the metrics are read.
    """

    def __init__(
        self,
        queue_depth: Callable[[], float],
        device_memory_bytes: Callable[[], float],
        finds_blade: Callable[[], bool],
    ) -> None:
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self._requests = Counter(
            "bladestream_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self._request_seconds = Histogram(
            "bladestream_request_seconds",
            "Time from a request's first byte to its answer's last.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._stage_seconds = Histogram(
            "bladestream_stage_seconds",
            "Time in each stage of the work.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._bytes = Counter(
            "bladestream_bytes",
            "Bytes of bodies received (in) and sent (out).",
            ["direction"],
            registry=registry,
        )
        self._blade_share = Histogram(
            "bladestream_blade_share",
            "Share of a compressed picture's patches that hold blade.",
            buckets=_SHARES,
            registry=registry,
        )
        self._segmented = Counter(
            "bladestream_segmented_pictures",
            "Pictures in which the blade was looked for, by whether a forest had a vote.",
            ["forest"],
            registry=registry,
        )
        self._pixels = Counter(
            "bladestream_pixels", "Pixels compressed and decompressed.", registry=registry
        )
        Gauge(
            "bladestream_queue_depth", "Requests waiting or running.", registry=registry
        ).set_function(queue_depth)
        Gauge(
            "bladestream_device_memory_bytes",
            "Memory on the device that runs the networks; on a CPU that of the worker process.",
            registry=registry,
        ).set_function(device_memory_bytes)
        Gauge(
            "bladestream_segmentation_available",
            "Whether a model that finds the blade is loaded and gave its known answers.",
            registry=registry,
        ).set_function(finds_blade)

    def request(self, route: str, status: int, seconds: float, received: int, sent: int) -> None:
        """Count one answered request; ``route`` is a path's template, never the path itself."""
        self._requests.labels(route, str(status)).inc()
        self._request_seconds.labels(route).observe(seconds)
        self._bytes.labels("in").inc(received)
        self._bytes.labels("out").inc(sent)

    def work(
        self, seconds: Mapping[str, float], pixels: int, blade_share: float | None = None
    ) -> None:
        """Count one picture's work: seconds by stage, pixels, share of blade patches."""
        self._stages(seconds)
        self._pixels.inc(pixels)
        if blade_share is not None:
            self._blade_share.observe(blade_share)

    def segmented(self, seconds: Mapping[str, float], *, forest_used: bool) -> None:
        """Count one picture in which the blade was looked for, and its seconds by stage."""
        self._stages(seconds)
        self._segmented.labels("used" if forest_used else "unused").inc()

    def _stages(self, seconds: Mapping[str, float]) -> None:
        for stage, value in seconds.items():
            if stage != "total":
                self._stage_seconds.labels(stage).observe(value)

    def text(self) -> bytes:
        """Write all metrics in Prometheus' text format."""
        return generate_latest(self._registry)
