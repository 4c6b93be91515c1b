"""Settings of the payments service."""

from pathlib import Path
from typing import Annotated

from pydantic import Field
from service_kit import Kept, SealingSettings


class PaymentsSettings(SealingSettings):
    """Settings of the payments service, read from its environment."""

    remises_dir: Annotated[Path | None, Kept("remises")] = Field(
        None, description="folder into which the files for banks are written too; empty: download them"
    )
