"""Settings of the factures service."""

from pydantic import Field
from service_kit import Settings


class FacturesSettings(Settings):
    """Settings of the factures service, read from its environment."""

    factures_identite_stricte: bool = Field(
        False, description="refuse to issue an invoice whose parties are not completely known"
    )
    factures_police_secours: str = Field(
        "", description="a TrueType font for signs that DejaVu lacks, as Chinese ones, in documents"
    )
