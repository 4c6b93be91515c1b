"""Settings of the email service: the platform's SMTP server or a folder, and what mailboxes may do."""

from pathlib import Path
from typing import Annotated, Literal

from grpc_utils.web import is_loopback
from pydantic import Field, SecretStr, ValidationInfo, field_validator
from service_kit import Kept, SealingSettings

from service_email.addresses import InvalidAddress, parsed_sender

_NOBODY = "crm@localhost"


class EmailSettings(SealingSettings):
    """Settings of the email service, beside those of every service."""

    smtp_host: str = Field(
        "", validate_default=True, description="SMTP server; without one, mails are written to MAIL_FOLDER"
    )
    smtp_port: int | None = Field(
        None, ge=1, le=65535, description="its port, if not 587 (starttls), 465 (tls) or 25 (aucune)"
    )
    smtp_allow_plaintext: bool = Field(
        False, description="allow securite aucune, SMTP_SECURITE's too, to servers on other machines"
    )
    smtp_allow_private: bool = Field(
        False, description="allow mailboxes whose server is on this machine or in a private network"
    )
    smtp_securite: Literal["starttls", "tls", "aucune"] = Field(
        "starttls", description="encryption, certificates verified: starttls, tls or aucune"
    )
    smtp_username: str = Field("", description="SMTP login, none when empty")
    smtp_password: SecretStr = Field(SecretStr(""), description="SMTP password")
    smtp_from: str = Field(
        _NOBODY, validate_default=True, description="sender of the mails: address, or Name <address>"
    )
    smtp_timeout_s: float = Field(30.0, gt=0, le=60, description="seconds that one delivery may take")
    app_base_url: str = Field(
        "",
        pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$",
        description="address of the web application, for the links in mails; without it they have none",
    )
    mail_folder: Annotated[Path, Kept("mail")] = Field(
        Path(".crm/mail"), description="where mails are written, one .eml each, without SMTP_HOST"
    )

    @field_validator("smtp_host")
    @classmethod
    def _needed_in_production(cls, host: str, info: ValidationInfo) -> str:
        if not host and info.data.get("crm_env") == "production":
            raise ValueError("set it: with CRM_ENV=production, mails must not end in a folder")
        return host

    @field_validator("smtp_securite")
    @classmethod
    def _encrypted(cls, securite: str, info: ValidationInfo) -> str:
        """Refuse plain text to other machines unless it is asked for expressly (R14)."""
        host = info.data.get("smtp_host", "")
        if (
            securite == "aucune"
            and host
            and not info.data.get("smtp_allow_plaintext")
            and not is_loopback(host)
        ):
            raise ValueError(
                f"aucune is refused for {host}: use starttls or tls, or SMTP_ALLOW_PLAINTEXT=true"
            )
        return securite

    @field_validator("smtp_from")
    @classmethod
    def _sender(cls, sender: str, info: ValidationInfo) -> str:
        if info.data.get("smtp_host") and sender == _NOBODY:
            raise ValueError("set it together with SMTP_HOST: the address mails come from")
        try:
            parsed_sender(sender)
        except InvalidAddress as error:
            raise ValueError(str(error)) from None
        return sender
