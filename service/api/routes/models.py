"""GET /models: what this service can code with."""

from __future__ import annotations

from fastapi import APIRouter

from service.api.documented import problems
from service.api.schemas import ModelInfo, Models
from service.api.state import StateDep
from service.errors import ModelUnavailable

router = APIRouter(tags=["operations"])


@router.get("/models", summary="The models", responses=problems(401, 503))
async def models(state: StateDep) -> Models:
    """List the models, and where they run."""
    started = state.jobs.started
    if started is None:
        raise ModelUnavailable(state.jobs.failure or "the models are being loaded")
    return Models(
        provider=started.provider,
        default=state.settings.default_model,
        models=[ModelInfo.model_validate(model) for model in started.models],
    )
