"""Arguments that several commands take."""

from typing import Annotated

import typer

Names = Annotated[list[str] | None, typer.Argument(help="Services; all of them when none is named.")]
