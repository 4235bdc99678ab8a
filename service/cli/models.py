"""``bladestream models``: what the zoo holds."""

from typing import Annotated

import typer


def models(
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """List the models that this installation can code with."""
    from service.cli.report import print_json
    from service.runtime.zoo import Zoo
    from service.settings import get_settings

    zoo = Zoo.open(get_settings())
    entries = zoo.models()
    if as_json:
        print_json({"provider": zoo.provider, "models": entries})
        return
    for entry in entries:
        print(f"{entry['name']} {entry['version']}  {entry['kind']}  {entry['digest']}")
    print(f"run by {zoo.provider}")
