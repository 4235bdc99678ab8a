"""``bladestream serve``: the service over HTTP, until it is told to stop."""

from typing import Annotated

import typer


def serve(
    host: Annotated[str | None, typer.Option(help="Default: the service's setting.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Default: the service's setting.")
    ] = None,
) -> None:
    """Answer requests until SIGTERM or SIGINT; what runs then is finished first."""
    from service.api.server import run
    from service.settings import get_settings

    chosen = {"host": host, "port": port}
    overrides = {name: value for name, value in chosen.items() if value is not None}
    run(get_settings().model_copy(update=overrides))
