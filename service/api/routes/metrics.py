"""GET /metrics: for Prometheus."""

from __future__ import annotations

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from service.api.documented import problems
from service.api.state import StateDep

router = APIRouter(tags=["operations"])


@router.get(
    "/metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **problems(401),
    },
)
async def metrics(state: StateDep) -> Response:
    """Write all metrics."""
    return Response(state.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})
