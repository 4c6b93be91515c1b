"""Rules of files as pure functions: descriptions, rows and changes from requests, or refusals."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from crm.documents import documents_pb2 as pb
from db_utils import clock, uuid7
from grpc_utils import at_most, changes, file_name, one_of, opaque_id, required
from grpc_utils.errors import (
    DataLoss,
    FailedPrecondition,
    FormatInvalide,
    InvalidArgument,
    OutOfRange,
    ResourceExhausted,
    TropLong,
)

from service_documents.formats import expected_type
from service_documents.models import CATEGORIES, CONTRAT_SIGNE, ENTITES, GENERAL, IDENTITE, PieceJointe

LARGEST_BLOC = 256 * 1024  # bytes of one message of an upload
LARGEST_CONTENU = 3 * 1024 * 1024  # bytes of a Create: a message has 4 MiB at most (C19)
SHORTEST_LIEN, USUAL_LIEN, LONGEST_LIEN = 30, 300, 3600  # seconds (R11)
UNFINISHED: Final = timedelta(hours=1)  # an upload that has not ended by then never will (R1)
DELETED: Final = timedelta(days=30)  # how long the content of a deleted file is kept (R1)
_LONGEST_DESCRIPTION = 500  # characters, the length of the column
_YEARS_OF_IDENTITE = 5
_SHA256 = re.compile(r"[0-9a-f]{64}")


class FichierVide(InvalidArgument):
    """Le fichier est vide."""


class TropVolumineux(ResourceExhausted):
    """Le fichier dépasse la taille admise."""


class Quota(ResourceExhausted):
    """L'espace de stockage de l'organisation est épuisé."""


class EmpreinteDifferente(DataLoss):
    """Le contenu reçu n'a pas la taille ou l'empreinte SHA-256 annoncée."""


class ContenuAltere(DataLoss):
    """Le contenu stocké n'est plus celui qui a été déposé."""


class DebutApresLaFin(OutOfRange):
    """Le début demandé est au-delà de la fin du fichier."""


class DocumentImmuable(FailedPrecondition):
    """Ce document est une archive : il ne peut être ni modifié ni supprimé."""


class LienNonDisponible(FailedPrecondition):
    """Ce fichier est dans un stockage qui ne donne pas de lien ; téléchargez-le avec Download."""


class CategorieReservee(InvalidArgument):
    """La catégorie CONTRAT_SIGNE est réservée aux archives de contrats."""


class FinInconnue(InvalidArgument):
    """Annoncez la taille ou l'empreinte SHA-256 : sans elles, un envoi coupé passerait pour entier."""


class BlocAttendu(InvalidArgument):
    """Seul le premier message du flux décrit le fichier ; les suivants ne portent que des blocs."""


@dataclass(frozen=True, slots=True)
class Description:
    """What is said of a file before its content is known; *sha256* "" and *taille* 0 say nothing."""

    organisation_id: str
    nom_fichier: str
    type_mime: str
    entite_type: str
    entite_id: str
    categorie: str
    description: str | None
    sha256: str
    taille: int
    uploaded_by: str


@dataclass(frozen=True, slots=True)
class Contenu:
    """What is known of a content once it has been read."""

    type_mime: str
    taille: int
    sha256: str


def described(
    request: pb.UploadPieceJointeRequest | pb.CreatePieceJointeRequest, uploaded_by: str, most: int
) -> Description:
    """The description in *request* of a file of at most *most* bytes (R2 to R5).

    Raises ChampRequis, FormatInvalide, ValeurInconnue, CategorieReservee, TypeRefuse, TropLong,
    TropVolumineux.
    """
    nom = file_name(request.nom_fichier)
    expected_type(nom, request.type_mime)
    return Description(
        organisation_id=request.organisation_id,
        nom_fichier=nom,
        type_mime=request.type_mime,
        entite_type=one_of(request.entite_type, ENTITES, "entite_type"),
        entite_id=required(opaque_id(request.entite_id, "entite_id") or "", "entite_id"),
        categorie=_categorie(request.categorie or GENERAL),
        description=_description(request.description),
        sha256=_sha256(request.sha256),
        taille=_declared(request.taille, most),
        uploaded_by=uploaded_by,
    )


def check_announced(first: pb.UploadPieceJointeRequest) -> None:
    """Refuse an upload whose end could not be told from a cut (R2). Raises FinInconnue."""
    if not (first.taille or first.sha256):
        raise FinInconnue


def _categorie(text: str) -> str:
    if one_of(text, CATEGORIES, "categorie") == CONTRAT_SIGNE:
        raise CategorieReservee(champ="categorie")
    return text


def _description(text: str) -> str | None:
    at_most(text, _LONGEST_DESCRIPTION, "description")
    return text or None


def _sha256(text: str) -> str:
    if text and not _SHA256.fullmatch(text.lower()):
        raise FormatInvalide("64 chiffres hexadécimaux", champ="sha256")
    return text.lower()


def _declared(taille: int, most: int) -> int:
    if taille < 0:
        raise FormatInvalide("0 ou plus", champ="taille")
    if taille > most:
        raise TropVolumineux(maximum=str(most))
    return taille


def bloc_of(request: pb.UploadPieceJointeRequest) -> bytes:
    """The block in a message of an upload. Raises TropLong."""
    if len(request.bloc) > LARGEST_BLOC:
        raise TropLong(champ="bloc", maximum=str(LARGEST_BLOC))
    return request.bloc


def later_bloc_of(request: pb.UploadPieceJointeRequest) -> bytes:
    """The block in a message after the first one, which holds nothing else. Raises BlocAttendu, TropLong."""
    for field, _ in request.ListFields():
        if field.name not in ("bloc", "organisation_id"):  # the kernel has compared the organisation
            raise BlocAttendu(champ=field.name)
    return bloc_of(request)


def check_received(description: Description, taille: int, sha256: str) -> None:
    """Refuse an empty content, or another than declared (R2). Raises FichierVide, EmpreinteDifferente."""
    if not taille:
        raise FichierVide(champ="contenu")
    if description.taille not in (0, taille) or description.sha256 not in ("", sha256):
        raise EmpreinteDifferente(taille=str(taille), sha256=sha256)


def new_piece(description: Description, contenu: Contenu, moteur: str) -> PieceJointe:
    """The row of a file whose content is about to be stored (R1)."""
    now, identity = clock.now(), uuid7()
    return PieceJointe(
        id=identity,
        organisation_id=description.organisation_id,
        nom_fichier=description.nom_fichier,
        type_mime=contenu.type_mime,
        taille=contenu.taille,
        sha256=contenu.sha256,
        cle_stockage=storage_key(description.organisation_id, identity, now),
        moteur=moteur,
        entite_type=description.entite_type,
        entite_id=description.entite_id,
        categorie=description.categorie,
        description=description.description,
        uploaded_by=description.uploaded_by,
        date_upload=now,
        expire_le=expiry(description.categorie, now),
        a_purger_le=now + UNFINISHED,
        created_at=now,
    )


def storage_key(organisation_id: str, identity: UUID, now: datetime) -> str:
    """The place of a content in the store (R1): nothing of its name, so that no name leads elsewhere."""
    return f"{organisation_id}/{now:%Y}/{now:%m}/{identity}"


def expiry(categorie: str, date_upload: datetime) -> datetime | None:
    """When a file of *categorie* is deleted: identity papers after five years (R16), others never."""
    if categorie != IDENTITE:
        return None
    year = date_upload.year + _YEARS_OF_IDENTITE
    try:
        return date_upload.replace(year=year)
    except ValueError:  # 29 February
        return date_upload.replace(year=year, day=28)


def piece_changes(piece: PieceJointe, request: pb.UpdatePieceJointeRequest) -> dict[str, Any]:
    """The columns that *request* changes (R3, R4, R16).

    Raises ChampRequis, FormatInvalide, TypeRefuse, ValeurInconnue, CategorieReservee.
    """
    changed = changes(
        request, ("nom_fichier", "description", "categorie"), mandatory=("nom_fichier", "categorie")
    )
    if "nom_fichier" in changed:
        changed["nom_fichier"] = file_name(changed["nom_fichier"])
        expected_type(changed["nom_fichier"], piece.type_mime)
    if "categorie" in changed:
        changed["expire_le"] = expiry(_categorie(changed["categorie"]), piece.date_upload)
    return changed


def check_mutable(piece: PieceJointe) -> None:
    """Refuse to change or delete an archive (R10). Raises DocumentImmuable."""
    if piece.immuable:
        raise DocumentImmuable


def part_of(taille: int, debut: int, longueur: int) -> tuple[int, int]:
    """The first byte and the number of bytes that a download gets (R8).

    Raises FormatInvalide, DebutApresLaFin.
    """
    if debut < 0:
        raise FormatInvalide("0 ou plus", champ="debut")
    if longueur < 0:
        raise FormatInvalide("0 ou plus", champ="longueur")
    if debut >= taille:
        raise DebutApresLaFin(taille=str(taille))
    rest = taille - debut
    return debut, min(longueur, rest) if longueur else rest


def duration_of(seconds: int) -> int:
    """How many seconds a link lives (R11). Raises FormatInvalide."""
    if not seconds:
        return USUAL_LIEN
    if not SHORTEST_LIEN <= seconds <= LONGEST_LIEN:
        raise FormatInvalide(champ="duree_s", minimum=str(SHORTEST_LIEN), maximum=str(LONGEST_LIEN))
    return seconds


class ContratNonSigne(FailedPrecondition):
    """Ce contrat n'est pas signé : il n'y a rien à archiver."""
