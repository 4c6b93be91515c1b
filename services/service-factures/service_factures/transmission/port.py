"""The port by which files leave for a plateforme agréée, in the shape of AFNOR XP Z12-013."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

Regle = Literal["B2B", "B2BInt"]
Syntaxe = Literal["Factur-X", "CDAR"]
Etat = Literal["Pending", "Ok", "Error"]
TypeDocument = Literal["Original"]


class TransmissionError(Exception):
    """A file that did not arrive; the subclass says what comes next."""


class Tardive(TransmissionError):
    """No answer, or one that asks for patience (429, 5xx): whether the file arrived is not known.

    *attendre* is the time that the platform asked for, None when it named none.
    """

    def __init__(self, message: str, attendre: timedelta | None = None) -> None:
        super().__init__(message)
        self.attendre = attendre


class NonAutorisee(TransmissionError):
    """The platform does not accept the account (401, 403, or no token)."""


class Refusee(TransmissionError):
    """The platform will never accept this file (400, 413, 422): *code* is its errorCode, *texte* why."""

    def __init__(self, code: str, texte: str = "") -> None:
        super().__init__(f"{code}: {texte}")
        self.code, self.texte = code, texte


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowInfo:
    """What is told of a file: *tracking_id* is ours (at most 64 characters), *name* that of the file.

    *sha256* is in hexadecimal. A Factur-X has the profile CIUS.
    """

    tracking_id: str
    name: str
    processing_rule: Regle
    flow_syntax: Syntaxe
    sha256: str
    flow_profile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquittement:
    """What the platform says of a file that it took; *code* and *texte* are of the first error."""

    etat: Etat
    code: str = ""
    texte: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flux:
    """A file that the platform has; a folder gives no *flow_id*. *modifie_le* is its last change there."""

    flow_id: str
    tracking_id: str = ""
    depose_le: datetime | None = None
    modifie_le: datetime | None = None
    direction: str = ""
    type: str = ""
    acquittement: Acquittement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Adresse:
    """An electronic address of the directory, scheme:identifier; *statut* as the directory writes it."""

    adresse_electronique: str
    siren: str
    siret: str = ""
    statut: str = ""
    plateforme: str = ""


class InvoiceTransmission(Protocol):
    """The way of the files of one société to its platform."""

    async def deposer(self, fichier: bytes, flow_info: FlowInfo) -> Flux:
        """Hand over *fichier*. What the platform has under this tracking_id already is answered as new.

        Raises Tardive, NonAutorisee, Refusee.
        """
        ...

    async def chercher(
        self, curseur: str = "", *, tracking_id: str = "", depuis: datetime | None = None
    ) -> tuple[Sequence[Flux], str]:
        """Find the file of *tracking_id*, else statuses that came in after *curseur*; and the next cursor.

        Without a cursor they are those that have changed since *depuis*. Raises Tardive, NonAutorisee,
        Refusee.
        """
        ...

    async def telecharger(self, flow_id: str, doc_type: TypeDocument = "Original") -> bytes:
        """The content of a file that came in. Raises Tardive, NonAutorisee, Refusee."""
        ...

    async def chercher_adresse(self, siren: str) -> Sequence[Adresse]:
        """The addresses of a company in the directory. Raises AnnuaireNonConfigure, Tardive, NonAutorisee."""
        ...
