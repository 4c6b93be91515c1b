"""Settings of every process, from environment variables of the same names.

A service with settings of its own derives a class; `.env.example` files are generated
from these fields. Settings with which no process must start are refused here, with a sentence.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, TypeVar

import psycopg
from db_utils import clock
from grpc_utils import (
    ORGANISATION_CLAIMS,
    AmbiguousIssuer,
    Authenticator,
    FixedKey,
    InvalidServiceKey,
    Issuer,
    Jwks,
    JwksError,
    ServiceSigner,
    Tenancy,
    TokenVerifier,
    service_issuers,
)
from grpc_utils.settings import Words
from psycopg.conninfo import conninfo_to_dict
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

S = TypeVar("S", bound="ProcessSettings")

PRODUCTION = "production"
_SHORTEST_SECRET = 32  # bytes; RFC 7518 section 3.2: HS256 keys are at least 256 bits
# PEM, its body alone (the first bytes in DER of RSA, P-256, P-384, P-521 and Ed25519 keys), OpenSSH, JWK
_KEY = re.compile(r"-----BEGIN |MI[IGH]|MFkw|MHYw|MHcC|MCow|MC4C|(ssh|ecdsa)-|\s*\{")
_PLACEHOLDER = re.compile(r"change.?me|secret.?here|your.?(jwt.?)?secret|placeholder|example|(.)\2{7,}", re.I)


class ConfigurationError(Exception):
    """Settings with which a service must not start; the message says what to do."""


class ProcessSettings(BaseSettings):
    """Settings of every process of the mesh, service or edge."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    crm_env: Literal["development", "test", "production"] = Field(
        "development", description="production refuses unsafe settings and turns reflection off"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="lowest level logged")
    metrics_port: int | None = Field(None, description="port of the Prometheus text, off when empty")
    shutdown_grace_s: float = Field(10.0, ge=0, description="seconds given to calls under way at a stop")
    # Read by `trace_utils` and by OpenTelemetry itself; here so that examples and stacks name them.
    otel_exporter_otlp_endpoint: str = Field(
        "", description="collector of traces (OTLP over http, http://host:4318); empty: nothing is traced"
    )
    otel_exporter_otlp_headers: SecretStr = Field(
        SecretStr(""), description="what the collector asks for, as in authorization=Bearer%20…"
    )
    otel_traces_exporter: str = Field("", description="otlp, console or none; otlp with an endpoint")
    otel_traces_sampler: str = Field(
        "", description="which traces are taken, as in parentbased_traceidratio; all of them when empty"
    )
    otel_traces_sampler_arg: str = Field("", description="its argument, as in 0.1 for a tenth")
    otel_resource_attributes: str = Field(
        "", description="what all spans say, as in deployment.environment.name=recette"
    )
    clock_file: str = Field(
        "", description="file by which `crm clock` moves the clock of every process that names it"
    )

    nats_url: str = Field("nats://localhost:4222", description="servers, comma-separated")
    nats_replicas: int = Field(1, ge=1, le=5, description="copies of each stream, 3 in a cluster")

    auth_enabled: bool = Field(True, description="off only for roll-out: every caller is then anonymous")
    keycloak_realm_url: str = Field("", description="issuer of RS256 tokens; keys are found below it")
    jwks_url: str = Field("", description="keys of our own auth service's tokens (RS256)")
    jwks_allow_http: bool = Field(False, description="allow keys over http from other machines")
    jwt_issuer: str = Field("crm-auth", description="iss of the tokens whose keys are at JWKS_URL")
    jwt_audience: str = Field("crm", description="aud that these tokens must name")
    keycloak_audience: Words = Field(
        (),
        description="aud or azp of Keycloak's tokens: one of these, comma-separated; needed in production",
    )
    jwt_secret: SecretStr = Field(
        SecretStr(""), description="shared secret of HS256 tokens, at least 32 bytes"
    )
    jwt_secret_issuer: str = Field("crm", description="iss of HS256 tokens; they may also have none")

    org_claims: Words = Field(
        ORGANISATION_CLAIMS,
        min_length=1,
        description="claims that may hold the organisation, comma-separated",
    )

    service_private_key: SecretStr = Field(
        SecretStr(""), description="Ed25519 key that proves internal calls"
    )
    service_public_keys: str = Field(
        "", description="name:key of every service allowed to call, comma-separated"
    )

    @property
    def in_production(self) -> bool:
        """Whether unsafe settings are refused."""
        return self.crm_env == PRODUCTION

    def authenticator(self, service: str, own: Sequence[Issuer] = ()) -> Authenticator:
        """Make the check of callers of *service*, with its *own* issuers. Raises ConfigurationError."""
        if not self.auth_enabled:
            if self.in_production:
                raise ConfigurationError("AUTH_ENABLED=false is refused with CRM_ENV=production: remove it")
            return Authenticator(None)
        try:
            issuers = [*self._user_issuers(own), *service_issuers(self.service_public_keys, service)]
            return Authenticator(TokenVerifier(issuers, self.org_claims), self.jwt_issuer)
        except (JwksError, InvalidServiceKey, AmbiguousIssuer) as error:
            raise ConfigurationError(str(error)) from error

    def _user_issuers(self, own: Sequence[Issuer]) -> list[Issuer]:
        issuers = [*own]
        if realm := self.keycloak_realm_url.rstrip("/"):
            issuers.append(self._keycloak(realm))
        if self.jwks_url and self.jwt_issuer not in {issuer.name for issuer in own}:
            keys = Jwks(self.jwks_url, allow_http=self.jwks_allow_http)
            issuers.append(Issuer(self.jwt_issuer, "RS256", keys, (self.jwt_audience,), now=clock.timestamp))
        if secret := self.jwt_secret.get_secret_value():
            key = FixedKey(checked_secret(secret))
            issuers += [Issuer(name, "HS256", key) for name in {"", self.jwt_secret_issuer}]
        if not issuers:
            raise ConfigurationError(
                "no source of keys for tokens: set KEYCLOAK_REALM_URL, JWKS_URL or JWT_SECRET"
            )
        return issuers

    def _keycloak(self, realm: str) -> Issuer:
        if self.in_production and not self.keycloak_audience:
            raise ConfigurationError(
                "KEYCLOAK_AUDIENCE is missing: tokens of every client of the realm would be accepted; name "
                "the audience (aud) of those for the CRM, or the clients (azp) that get them, comma-separated"
            )
        keys = Jwks(f"{realm}/protocol/openid-connect/certs", allow_http=self.jwks_allow_http)
        return Issuer(realm, "RS256", keys, self.keycloak_audience, or_party=True, token_type="Bearer")

    @property
    def leniences(self) -> list[str]:
        """Sentences about what these settings allow and should not be allowed in production."""
        told = ["CLOCK_FILE: `crm clock` may move the clock of this process"] if self.clock_file else []
        if not self.auth_enabled:
            return [*told, "AUTH_ENABLED=false: every call is let in as user 'anonyme'"]
        if self.keycloak_realm_url and not self.keycloak_audience:
            return [*told, "KEYCLOAK_AUDIENCE is empty: tokens of every client of the realm are accepted"]
        return told

    def follow_clock(self) -> None:
        """Have the clock of this process follow CLOCK_FILE, if it is set. Raises ConfigurationError."""
        if not self.clock_file:
            return
        if self.in_production:
            raise ConfigurationError("CLOCK_FILE is refused with CRM_ENV=production: remove it")
        try:
            clock.follow(Path(self.clock_file))
        except OSError as error:
            raise ConfigurationError(f"CLOCK_FILE {self.clock_file}: {error.strerror}") from error

    def signer(self, service: str) -> ServiceSigner | None:
        """Make the signer of calls by *service*; None when it has no key. Raises ConfigurationError."""
        key = self.service_private_key.get_secret_value()
        try:
            return ServiceSigner(service, key) if key else None
        except InvalidServiceKey as error:
            raise ConfigurationError(f"SERVICE_PRIVATE_KEY: {error}") from error

    @staticmethod
    def addresses(ports: Mapping[str, int]) -> Mapping[str, str]:
        """Return the address of each service of *ports*: `<SERVICE>_GRPC_ADDR`, else this machine.

        The port of a service is looked up when its address is asked for and no setting gives it.
        """
        return _Addresses(ports)


class _Addresses(Mapping[str, str]):
    def __init__(self, ports: Mapping[str, int]) -> None:
        self._ports = ports

    def __getitem__(self, name: str) -> str:
        return os.environ.get(f"{name.upper()}_GRPC_ADDR") or f"localhost:{self._ports[name]}"

    def __contains__(self, name: object) -> bool:
        return name in self._ports

    def __iter__(self) -> Iterator[str]:
        return iter(self._ports)

    def __len__(self) -> int:
        return len(self._ports)


class Settings(ProcessSettings):
    """Settings of every service."""

    grpc_host: str = Field("0.0.0.0", description="address to listen on")
    grpc_port: int | None = Field(None, ge=0, le=65535, description="port, if not the service's own")
    database_url: SecretStr = Field(
        ..., description="libpq connection string; its user may take the service's role"
    )
    db_pool_size: int = Field(10, ge=1, le=100, description="connections per process")
    tenant_claim_required: bool | None = Field(
        None, description="refuse organisations that only the request names; default: in production"
    )
    default_organisation_id: str = Field("", description="stands in for none in single-company installs")

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: SecretStr) -> SecretStr:
        try:
            conninfo_to_dict(value.get_secret_value())
        except psycopg.Error:  # whose text would show the password
            raise ValueError(
                "neither postgresql://user:password@host/database nor host=… user=… dbname=…"
            ) from None
        return value

    @property
    def reflection(self) -> bool:
        """Whether `grpcurl` may ask for the contracts."""
        return not self.in_production

    def tenancy(self) -> Tenancy:
        """The way to the organisation of a call (C6)."""
        required = self.in_production if self.tenant_claim_required is None else self.tenant_claim_required
        return Tenancy(required, self.default_organisation_id)


def checked_secret(secret: str) -> bytes:
    """Return *secret* as an HMAC key. Raises ConfigurationError for one that anybody could guess."""
    raw = secret.encode()
    if len(raw) < _SHORTEST_SECRET:
        raise ConfigurationError(
            f"JWT_SECRET has {len(raw)} bytes and needs at least {_SHORTEST_SECRET}: "
            "make one with `openssl rand -base64 48`"
        )
    if _PLACEHOLDER.search(secret):
        raise ConfigurationError("JWT_SECRET is a placeholder: make one with `openssl rand -base64 48`")
    if _KEY.match(secret):
        raise ConfigurationError("JWT_SECRET looks like a public or private key: it must be a random text")
    return raw


def load(kind: type[S], **overrides: object) -> S:
    """Read the settings of the environment, with *overrides*. Raises ConfigurationError."""
    try:
        return kind(**overrides)  # type: ignore[arg-type]  # checked by pydantic
    except ValidationError as error:
        problems = (_sentence(kind, problem) for problem in error.errors())
        raise ConfigurationError("; ".join(problems)) from None


def _sentence(kind: type[ProcessSettings], problem: ErrorDetails) -> str:
    """Describe the problem of a setting without its value, which may be a secret in the wrong place."""
    name = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["type"] == "missing":
        return f"{name.upper()} is missing: {kind.model_fields[name].description}"
    return f"{name.upper()}: {problem['msg'].removeprefix('Value error, ')}"
