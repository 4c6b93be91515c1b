"""A progress bar over the stages of a benchmark, on standard error; a line each in a pipe."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

_POLL = 0.1


class Stages:
    """The stages of one benchmark."""

    def __init__(self, progress: Progress, count: int) -> None:
        self._progress, self._quiet = progress, not progress.console.is_terminal
        self._task = progress.add_task("", total=count)

    def next(self, name: str) -> None:
        """Begin the stage *name*; the former one is done."""
        if self._quiet:
            self._progress.console.print(name, markup=False, highlight=False, soft_wrap=True)
        self._progress.update(self._task, description=name)

    def done(self) -> None:
        """End a stage."""
        self._progress.advance(self._task)

    def wait(self, question: Callable[[], bool], timeout: float) -> None:
        """Return when the answer is true. Raises TimeoutError after *timeout* seconds."""
        deadline = time.monotonic() + timeout
        while not question():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not done within {timeout:.0f} s")
            time.sleep(_POLL)


@contextmanager
def stages(count: int) -> Iterator[Stages]:
    """A progress bar for *count* stages."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Stages(progress, count)
