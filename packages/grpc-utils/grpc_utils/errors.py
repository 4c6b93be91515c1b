"""Refusals: every answer other than OK that a caller is given on purpose (C7).

A service writes a subclass of one of the status classes and nothing else: its name is the
reason, its docstring the French sentence, its keyword arguments the metadata (never
personal data); `sentences.py` adds the field and its bounds. Only `pipeline.py` makes a status of it.
"""

import re
from typing import ClassVar, Final

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from grpc_utils.sentences import sentence

__all__ = [
    "Aborted",
    "AlreadyExists",
    "AppelInterneSeulement",
    "BaseIndisponible",
    "ChampRequis",
    "CircuitOuvert",
    "CleIdempotenceReutilisee",
    "ConflitDEcriture",
    "DataLoss",
    "DateInvalide",
    "DeadlineExceeded",
    "DependanceIndisponible",
    "EncoreUtilise",
    "ExisteDeja",
    "FailedPrecondition",
    "FluxInterrompu",
    "FormatInvalide",
    "Introuvable",
    "InvalidArgument",
    "JetonDePageInvalide",
    "LecteurTropLent",
    "LimiteAtteinte",
    "MontantInvalide",
    "NotFound",
    "OrganisationDifferente",
    "OrganisationRequise",
    "OutOfRange",
    "PageInvalide",
    "PermissionDenied",
    "PourcentageInvalide",
    "ReferenceInconnue",
    "Refusal",
    "RequeteIllisible",
    "RequeteTropLente",
    "ResourceExhausted",
    "TransitionInterdite",
    "TropDEntrees",
    "TropDeRequetes",
    "TropLong",
    "Unauthenticated",
    "Unavailable",
    "Unimplemented",
    "ValeurInconnue",
    "VersionPerimee",
]

# Places where a word begins in the name of a class: TropDEntrees becomes TROP_D_ENTREES.
_WORD_STARTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Refusal(Exception):
    """Base of all refusals. Services subclass the status classes below, not this one."""

    code: ClassVar[grpc.StatusCode]
    reason: ClassVar[str]

    def __init_subclass__(cls) -> None:
        cls.reason = _WORD_STARTS.sub("_", cls.__name__).upper()

    def __init__(self, *hints: str, **metadata: str) -> None:
        """A refusal with *metadata* for programs; *hints*, as in "admis : A, B", are told in its sentence."""
        super().__init__(self.reason)
        self.metadata, self.hints = metadata, hints

    @property
    def message(self) -> str:
        """The sentence for the caller: the docstring of the class and where, within which bounds."""
        return sentence(self.__doc__ or "", self.metadata, self.hints)

    def details(self, domain: str) -> bytes:
        """The refusal as a serialised google.rpc.Status for `grpc-status-details-bin` (C7)."""
        status = Status(code=self.code.value[0], message=self.message)
        status.details.add().Pack(ErrorInfo(reason=self.reason, domain=domain, metadata=self.metadata))
        if "champ" in self.metadata:
            violation = BadRequest.FieldViolation(field=self.metadata["champ"], description=self.message)
            status.details.add().Pack(BadRequest(field_violations=[violation]))
        serialised: bytes = status.SerializeToString()
        return serialised


class InvalidArgument(Refusal):
    """La demande est invalide."""

    code = grpc.StatusCode.INVALID_ARGUMENT


class NotFound(Refusal):
    """La ressource est introuvable."""

    code = grpc.StatusCode.NOT_FOUND


class AlreadyExists(Refusal):
    """La ressource existe déjà."""

    code = grpc.StatusCode.ALREADY_EXISTS


class FailedPrecondition(Refusal):
    """L'état actuel ne permet pas cette opération."""

    code = grpc.StatusCode.FAILED_PRECONDITION


class PermissionDenied(Refusal):
    """L'opération est refusée."""

    code = grpc.StatusCode.PERMISSION_DENIED


class Unauthenticated(Refusal):
    """Une authentification est requise."""

    code = grpc.StatusCode.UNAUTHENTICATED


class ResourceExhausted(Refusal):
    """Une limite est atteinte."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED


class Aborted(Refusal):
    """L'opération a été interrompue par une autre."""

    code = grpc.StatusCode.ABORTED


class Unavailable(Refusal):
    """Le service est momentanément indisponible."""

    code = grpc.StatusCode.UNAVAILABLE


class DeadlineExceeded(Refusal):
    """Le délai est dépassé."""

    code = grpc.StatusCode.DEADLINE_EXCEEDED


class OutOfRange(Refusal):
    """La position demandée est au-delà de la fin."""

    code = grpc.StatusCode.OUT_OF_RANGE


class DataLoss(Refusal):
    """Des données sont perdues ou altérées."""

    code = grpc.StatusCode.DATA_LOSS


class Unimplemented(Refusal):
    """Cette méthode n'existe pas."""

    code = grpc.StatusCode.UNIMPLEMENTED


class ChampRequis(InvalidArgument):
    """Un champ obligatoire est vide."""


class ValeurInconnue(InvalidArgument):
    """La valeur n'appartient pas à la liste admise."""


class FormatInvalide(InvalidArgument):
    """Le format de la valeur est invalide."""


class TropLong(InvalidArgument):
    """La valeur est trop longue."""


class TropDEntrees(InvalidArgument):
    """La liste compte trop d'entrées."""


class DateInvalide(InvalidArgument):
    """La date n'existe pas ou n'est pas admise ; le format est AAAA-MM-JJ."""


class MontantInvalide(InvalidArgument):
    """Un montant est un nombre inférieur à 1 000 000 000 000 et, sauf exception, jamais négatif."""


class PourcentageInvalide(InvalidArgument):
    """Un pourcentage est compris entre 0 et 100."""


class RequeteIllisible(InvalidArgument):
    """Le corps de la requête n'est pas le message attendu."""


class JetonDePageInvalide(InvalidArgument):
    """Le jeton de page est invalide ou appartient à un autre tri ou à d'autres filtres."""


class PageInvalide(InvalidArgument):
    """La taille ou le tri de la page est invalide."""


class OrganisationRequise(InvalidArgument):
    """Une organisation est requise : dans le jeton, la requête ou x-organisation-id."""


class CleIdempotenceReutilisee(AlreadyExists):
    """Cette clé d'idempotence a déjà servi pour une autre requête."""


class Introuvable(NotFound):
    """La ressource est introuvable."""


class ExisteDeja(AlreadyExists):
    """La ressource existe déjà."""


class TransitionInterdite(FailedPrecondition):
    """Ce changement d'état est interdit."""


class EncoreUtilise(FailedPrecondition):
    """La ressource est encore utilisée."""


class ReferenceInconnue(FailedPrecondition):
    """La ressource désignée n'existe pas."""


class LimiteAtteinte(FailedPrecondition):
    """Le nombre maximal est atteint."""


class OrganisationDifferente(PermissionDenied):
    """L'organisation demandée n'est pas celle de l'appelant."""


class AppelInterneSeulement(PermissionDenied):
    """Cette méthode est réservée aux services de la plateforme."""


class VersionPerimee(Aborted):
    """La ressource a été modifiée entre-temps ; relisez-la et recommencez."""


class ConflitDEcriture(Aborted):
    """Des écritures simultanées se sont gênées ; recommencez."""


class BaseIndisponible(Unavailable):
    """La base de données est momentanément indisponible."""


class DependanceIndisponible(Unavailable):
    """Un service nécessaire est momentanément indisponible."""


class CircuitOuvert(Unavailable):
    """Un service nécessaire ne répond plus ; les appels reprendront sous peu."""


class RequeteTropLente(DeadlineExceeded):
    """La requête à la base a dépassé son délai."""


class FluxInterrompu(DeadlineExceeded):
    """Le message suivant du flux s'est fait attendre trop longtemps."""


OUT_OF_SERVICE: Final = (
    Unavailable,
    DeadlineExceeded,
    BaseIndisponible,
    DependanceIndisponible,
    CircuitOuvert,
    RequeteTropLente,
)
"""Refusals of a service that cannot serve; other subclasses of theirs are about a party behind it (C14)."""


class TropDeRequetes(ResourceExhausted):
    """Trop de requêtes ; réessayez plus tard."""


class LecteurTropLent(ResourceExhausted):
    """Le flux n'a pas été lu assez vite ; il est fermé."""
