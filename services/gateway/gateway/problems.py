"""Translation of everything that may go wrong into what the HTTP client is told (G3).

`problem_of` is the only place that decides a status. An unexpected exception becomes a 500
that tells nothing; the layer that caught it logs it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import grpc
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from grpc_utils import info_of
from grpc_utils.errors import (
    ChampRequis,
    DependanceIndisponible,
    FormatInvalide,
    InvalidArgument,
    PermissionDenied,
    Refusal,
    TropDeRequetes,
    TropLong,
)
from starlette.exceptions import HTTPException

_Code = grpc.StatusCode
STATUS: Final[Mapping[grpc.StatusCode, int]] = {
    _Code.INVALID_ARGUMENT: 400,
    _Code.UNAUTHENTICATED: 401,
    _Code.PERMISSION_DENIED: 403,
    _Code.NOT_FOUND: 404,
    _Code.ALREADY_EXISTS: 409,
    _Code.ABORTED: 409,
    _Code.FAILED_PRECONDITION: 409,
    _Code.OUT_OF_RANGE: 416,
    _Code.RESOURCE_EXHAUSTED: 429,
    _Code.UNAVAILABLE: 503,
    _Code.DEADLINE_EXCEEDED: 504,
}
_RETRYABLE = frozenset({429, 503, 504})
_RETRY_AFTER = {429: 60, 503: 5}  # seconds, when the service names none
_NAMES: Final = {  # fields of services, and their names over HTTP
    "auth0_id": "auth0Id",
    "company_id": "companyId",
    "first_name": "firstName",
    "fournisseur": "provider",
    "last_name": "lastName",
    "mot_de_passe": "password",
    "redirect_url": "redirectUrl",
    "service_name": "X-Service-Name",
    "user_type": "userType",
}
_NO_REASON = "La demande n'a pas pu être traitée."  # in the place of a library's own words


class JsonInvalide(InvalidArgument):
    """Le corps de la requête n'est pas du JSON valide."""


class JetonUtilisateurRequis(PermissionDenied):
    """Cette adresse est réservée aux utilisateurs."""


class JetonServiceRequis(PermissionDenied):
    """Cette adresse est réservée au service que nomment le jeton et X-Service-Name."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Answer to a request that failed. *retry_after* is in seconds, 0 when unknown."""

    status: int
    code: str
    message: str
    retryable: bool = False
    retry_after: int = 0
    champ: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self, correlation: str) -> JSONResponse:
        """The answer in JSON; *correlation* lets support find the request."""
        error: dict[str, object] = {"code": self.code, "message": self.message, "correlationId": correlation}
        error["retryable"] = self.retryable
        if self.retry_after:
            error["retryAfter"] = self.retry_after
        if self.champ:
            error["champ"] = self.champ
        return JSONResponse({"error": error}, self.status, self.all_headers)

    @property
    def all_headers(self) -> dict[str, str]:
        """Headers of the answer, with Retry-After when that is known."""
        retry = {"retry-after": str(self.retry_after)} if self.retry_after else {}
        return {**self.headers, **retry}


class Refused(Exception):
    """End of a request, with *problem* as its answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


NOT_FOUND: Final = Problem(404, "INTROUVABLE", "Cette adresse n'existe pas.")
TOO_LARGE: Final = Problem(
    413, "CORPS_TROP_GRAND", "Le corps de la requête est trop grand.", headers={"connection": "close"}
)
WRONG_TYPE: Final = Problem(415, "TYPE_NON_ADMIS", "Ce type de contenu n'est pas admis ici.")
HEADERS_TOO_LARGE: Final = Problem(
    431, "EN_TETES_TROP_GRANDS", "Les en-têtes sont trop grands.", headers={"connection": "close"}
)
TOO_SLOW: Final = Problem(
    504,
    "DELAI_DEPASSE",
    "La requête n'a pas abouti à temps.",
    retryable=True,
    headers={"connection": "close"},
)
UNEXPECTED: Final = Problem(500, "ERREUR_INTERNE", "Une erreur interne est survenue.")


def method_not_allowed(allowed: Sequence[str]) -> Problem:
    """Problem of a path that only knows the *allowed* methods."""
    return Problem(
        405,
        "METHODE_NON_ADMISE",
        "Cette méthode n'est pas admise ici.",
        headers={"allow": ", ".join(allowed)},
    )


def too_many(wait: float) -> Problem:
    """Problem of a client that has to wait *wait* seconds."""
    return problem_of(TropDeRequetes(retry_after_s=str(math.ceil(wait))))


def problem_of(error: Exception) -> Problem:
    """Problem that the client is told for *error*."""
    match error:
        case Refused():
            return error.problem
        case DependanceIndisponible(__cause__=grpc.aio.AioRpcError() as cause):
            told = _of_call(cause)
            return told if told.code else _told(told.status, error.reason, error.message, error.metadata)
        case Refusal():
            return _told(_status_of(error.code), error.reason, error.message, error.metadata)
        case grpc.aio.AioRpcError():
            told = _of_call(error)
            return told if told.code else replace(told, code=error.code().name, message=_NO_REASON)
        case RequestValidationError():
            return _of_validation(error.errors()[0])
        case HTTPException():
            return _of_http(error)
    return UNEXPECTED


def _of_call(error: grpc.aio.AioRpcError) -> Problem:
    """Problem of a refused call, without a code when the service gave no reason."""
    info = info_of(error)
    return _told(_status_of(error.code()), info.reason, error.details() or "", info.metadata)


def _told(status: int, code: str, message: str, metadata: Mapping[str, str]) -> Problem:
    if status == UNEXPECTED.status:
        return UNEXPECTED
    known = metadata.get("retry_after_s", "")
    return Problem(
        status=status,
        code=code,
        message=message,
        retryable=status in _RETRYABLE or code == "CONFLIT_D_ECRITURE",
        retry_after=int(known) if known.isdecimal() else _RETRY_AFTER.get(status, 0),
        champ=_NAMES.get(champ := metadata.get("champ", ""), champ),
        headers={"www-authenticate": "Bearer"} if status == 401 else {},
    )


def _status_of(code: grpc.StatusCode) -> int:
    return STATUS.get(code, UNEXPECTED.status)


_REFUSALS: Final[Mapping[str, type[InvalidArgument]]] = {
    "json_invalid": JsonInvalide,
    "missing": ChampRequis,
    "string_too_short": ChampRequis,
    "string_too_long": TropLong,
}


def _of_validation(found: Mapping[str, Any]) -> Problem:
    kind = _REFUSALS.get(found["type"], FormatInvalide)
    names = [part for part in found["loc"][1:] if isinstance(part, str)]
    return problem_of(kind(champ=".".join(names)) if names else kind())


def _of_http(error: HTTPException) -> Problem:
    """Problem of a refusal by FastAPI itself: a body that is not text, an unknown path."""
    if error.status_code == NOT_FOUND.status:
        return NOT_FOUND
    return problem_of(JsonInvalide()) if error.status_code == 400 else UNEXPECTED
