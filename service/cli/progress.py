"""A progress bar on stderr, at a terminal only."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from service.codec.options import Checkpoint


def _silent(stage: str, done: int, total: int) -> None:
    del stage, done, total


@contextmanager
def progress() -> Iterator[Checkpoint]:
    """Show how far the stages of one piece of work have come.

    Yields
    ------
    Checkpoint
        To be called with (stage, done, total); does nothing where stderr is no terminal.
    """
    if not sys.stderr.isatty():
        yield _silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show
