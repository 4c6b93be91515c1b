"""Settings of the documents service: where files are stored, and how much of them."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from service_kit import Kept, Settings

_MIB, _GIB = 1024**2, 1024**3


class DocumentsSettings(Settings):
    """Settings of the documents service, beside those of every service."""

    stockage: Literal["fichier", "s3"] = Field(
        "fichier", description="where new files go: fichier (STOCKAGE_RACINE) or s3 (S3_BUCKET)"
    )
    stockage_racine: Annotated[Path, Kept("documents")] = Field(
        Path(".crm/documents"), description="folder of the files, to be kept and backed up with the database"
    )
    s3_endpoint_url: str = Field(
        "", pattern=r"^(https?://[^\s/?#@]+)?$", description="address of the store, empty for that of AWS"
    )
    s3_region: str = Field("eu-west-3", description="region of the bucket")
    s3_access_key: SecretStr = Field(
        SecretStr(""), description="access key; empty: what the environment of AWS says"
    )
    s3_secret_key: SecretStr = Field(SecretStr(""), description="its secret")
    s3_sse: bool = Field(False, description="ask the store to encrypt what it keeps (AES256)")
    s3_bucket: str = Field(
        "", validate_default=True, description="bucket, which must exist; needed with STOCKAGE=s3"
    )
    max_taille_mio: int = Field(25, ge=1, le=1024, description="MiB of the largest file")
    quota_gio: float = Field(5.0, gt=0, description="GiB that an organisation may store")

    @field_validator("s3_bucket")
    @classmethod
    def _needed_for_s3(cls, bucket: str, info: ValidationInfo) -> str:
        if not bucket and info.data.get("stockage") == "s3":
            raise ValueError("set it: STOCKAGE=s3 needs the bucket of the files")
        return bucket

    @property
    def max_octets(self) -> int:
        """The size of the largest file, in bytes."""
        return self.max_taille_mio * _MIB

    @property
    def quota_octets(self) -> int:
        """The bytes that an organisation may store."""
        return int(self.quota_gio * _GIB)
