"""Reading and closing periods of e-reporting (R44)."""

import re
from typing import Final

from crm.factures import factures_pb2 as pb
from db_utils import Database
from grpc_utils import caller, opaque_id, required
from grpc_utils.errors import Aborted, FailedPrecondition, FormatInvalide, OrganisationRequise

from service_factures.ereporting import fichiers, journal, periodes
from service_factures.ereporting.fichiers import Entete
from service_factures.ereporting.models import EReportingDepot, EReportingPeriode
from service_factures.ereporting.rapport import Rapport, message, rapport

_CURSEUR: Final = re.compile("[0-9]{1,19}")


class PeriodeEnCours(FailedPrecondition):
    """Cette période n'est pas terminée : elle se clôt après son dernier jour."""


class PeriodeSansDeclaration(FailedPrecondition):
    """Cette période finit avant le début de l'e-reporting de la société : il n'y a rien à déclarer."""


class PeriodeDejaClose(FailedPrecondition):
    """Cette période est déjà close : ce qui vient ensuite va dans la période ouverte."""


class LignesArrivees(Aborted):
    """Des lignes sont arrivées depuis la lecture de la période : relisez-la avant de la clore."""


async def read(database: Database, request: pb.GetEReportingRequest) -> pb.EReporting:
    """The report of a period as it stands."""
    organisation_id, societe_id, periode = _place(request)
    return message(await rapport(database.read(), organisation_id, societe_id, periode))


async def close(database: Database, request: pb.CloseEReportingRequest) -> pb.EReporting:
    """Freeze a period that is over, as it was read, and owe its files to the folder (R45)."""
    organisation_id, societe_id, periode = _place(request)
    curseur = required(request.curseur, "curseur")
    if not _CURSEUR.fullmatch(curseur):
        raise FormatInvalide(champ="curseur")
    async with database.transaction() as tx:
        await journal.lock(tx, organisation_id, societe_id)
        stands = await rapport(tx, organisation_id, societe_id, periode)
        _check(stands, curseur)
        for nature in stands.open:
            row = await tx.insert(_closed(stands, nature))
            await tx.insert(EReportingDepot(organisation_id=organisation_id, periode_id=row.id))
        return message(await rapport(tx, organisation_id, societe_id, periode))


def _place(
    request: pb.GetEReportingRequest | pb.CloseEReportingRequest,
) -> tuple[str, str, periodes.Periode]:
    if not request.organisation_id:
        raise OrganisationRequise
    periode = periodes.named(required(request.periode, "periode"))
    return request.organisation_id, opaque_id(request.societe_id, "societe_id") or "", periode


def _check(stands: Rapport, curseur: str) -> None:
    if not stands.over:
        raise PeriodeEnCours(f"fin : {stands.periode.fin:%d/%m/%Y}")
    if stands.periode.fin < stands.settings.ereporting_depuis:
        raise PeriodeSansDeclaration(f"début : {stands.settings.ereporting_depuis:%d/%m/%Y}")
    if not stands.open:
        raise PeriodeDejaClose
    if stands.curseur != curseur:
        raise LignesArrivees(curseur=stands.curseur)


def _closed(stands: Rapport, nature: str) -> EReportingPeriode:
    settings = stands.settings
    lines = [line for line in stands.lines if line.nature == nature]
    whose = settings.organisation_id, settings.societe_id, settings.siren or ""
    csv_file = fichiers.as_csv(lines)
    json_file = fichiers.as_json(Entete(*whose, nature, stands.periode.nom), lines, csv_file)
    return EReportingPeriode(
        organisation_id=settings.organisation_id,
        societe_id=settings.societe_id,
        nature=nature,
        periode=stands.periode.nom,
        curseur=stands.sequence,
        fichier_csv=csv_file,
        fichier_json=json_file,
        sha256=fichiers.sha256(json_file),
        acteur=caller().author,
    )
