"""Settings of the factures service."""

from pydantic import Field
from service_kit import Settings


class FacturesSettings(Settings):
    """Settings of the factures service, read from its environment."""

    factures_identite_stricte: bool = Field(
        False, description="refuse to issue an invoice whose parties are not completely known"
    )
