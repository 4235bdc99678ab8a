"""The command ``bladestream``: its verbs, its exit statuses, its error line.

Exit status 0 is success, 1 is input that could not be served (one line on stderr, nothing on
stdout, no output file; `segment` names each such picture and writes the masks of the others), 2 is
a command line that makes no sense.
"""

import sys

import typer

from service import __version__
from service.cli import bench, compress, decompress, health, inspect, models, segment, serve
from service.errors import BladestreamError

app = typer.Typer(
    name="bladestream",
    help="Compress wind turbine inspection photographs: blades in full, backgrounds for little.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bladestream {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Show the version."
    ),
) -> None:
    pass


app.command("compress")(compress.compress)
app.command("decompress")(decompress.decompress)
app.command("inspect")(inspect.inspect)
app.command("segment")(segment.segment)
app.command("serve")(serve.serve)
app.command("health")(health.health)
app.command("models")(models.models)
app.command("bench")(bench.bench)


def main() -> None:
    """Run the command line and leave with its exit status.

    Raises
    ------
    SystemExit
        Always; with 0, 1 or 2.
    """
    try:
        app(prog_name="bladestream")
    except BladestreamError as error:
        print(f"bladestream: {error.detail} ({error.code})", file=sys.stderr)
        sys.exit(error.exit_status)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"bladestream: {where}{error.strerror or error} (file-error)", file=sys.stderr)
        sys.exit(1)
