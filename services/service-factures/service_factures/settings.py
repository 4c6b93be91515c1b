"""Settings of the factures service."""

from pathlib import Path
from typing import Annotated, Literal

from grpc_utils.web import is_secure
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from service_kit import Kept, SealingSettings


class FacturesSettings(SealingSettings):
    """Settings of the factures service, read from its environment."""

    factures_identite_stricte: bool = Field(
        False, description="refuse to issue an invoice whose parties are not completely known"
    )
    factures_police_secours: str = Field(
        "", description="a TrueType font for signs that DejaVu lacks, as Chinese ones, in documents"
    )
    factures_transmission: Literal["dossier", "plateforme"] = Field(
        "dossier",
        description="how invoices leave for sociétés without an account: dossier (FACTURES_DEPOT_DIR), "
        "or plateforme (FACTURES_PA_…)",
    )
    factures_depot_dir: Annotated[Path | None, Kept("depot")] = Field(
        None, description="folder of the invoices that people hand to a platform; empty: they wait"
    )
    factures_pa_flow_url: str = Field(
        "", description="flow API of the platform of DEFAULT_ORGANISATION_ID, https (AFNOR XP Z12-013)"
    )
    factures_pa_directory_url: str = Field("", description="its directory API, if it offers one")
    factures_pa_token_url: str = Field("", description="where its tokens come from")
    factures_pa_client_id: str = Field(
        "", validate_default=True, description="the account there (OAuth 2, client credentials)"
    )
    factures_pa_client_secret: SecretStr = Field(SecretStr(""), description="the secret of that account")
    factures_pa_organisation: str = Field(
        "", description="the platform's own name of the company, if it wants one"
    )

    @field_validator("factures_pa_flow_url", "factures_pa_directory_url", "factures_pa_token_url")
    @classmethod
    def _of_one_company(cls, url: str, info: ValidationInfo) -> str:
        """Refuse an account whose company is not known: invoices of others would leave through it."""
        if url and not is_secure(url):
            raise ValueError("use https; http is for this machine alone")
        if url and not info.data.get("default_organisation_id"):
            raise ValueError(
                "set DEFAULT_ORGANISATION_ID, whose account it is; other organisations save their own"
            )
        return url

    @field_validator("factures_pa_client_id")
    @classmethod
    def _whole_account(cls, client_id: str, info: ValidationInfo) -> str:
        """Refuse to start with half an account: invoices would wait without a word."""
        urls = ("factures_pa_flow_url", "factures_pa_token_url")
        whole = client_id and all(map(info.data.get, urls))
        if info.data.get("factures_transmission") == "plateforme" and not whole:
            raise ValueError("FACTURES_TRANSMISSION=plateforme needs it, FACTURES_PA_FLOW_URL and _TOKEN_URL")
        return client_id
