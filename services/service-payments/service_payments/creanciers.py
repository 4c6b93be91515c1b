"""Creditors: under which identifier and on which account a société collects (R11, R17).

`sepa.py` is the RPC service in front of it.
"""

from typing import Any, Final

from crm.payments import payments_pb2 as pb
from db_utils import Reader, uuid7
from grpc_utils import found, one_of, opaque_id, required, to_message
from grpc_utils.errors import InvalidArgument, OrganisationRequise
from service_kit import App
from sqlalchemy import bindparam, select

from service_payments import bank_ids, psp
from service_payments.coffre import Coffre
from service_payments.mandats_rules import holder
from service_payments.models import FRST, RCUR
from service_payments.psp import PROVIDERS, SEPA_FILE
from service_payments.sepa_models import CONFIRMATION_JOURS, DELAI_REMISE, PREAVIS, Creancier
from service_payments.settings import PaymentsSettings

# Default and bounds, both included.
_DAYS: Final = {
    "preavis_jours": (PREAVIS, 0, 60),
    "delai_remise_jours_ouvres": (DELAI_REMISE, 1, 10),
    "confirmation_auto_jours_ouvres": (CONFIRMATION_JOURS, 0, 30),
}
_OF = select(Creancier).where(
    Creancier.organisation_id == bindparam("organisation_id"), Creancier.societe_id == bindparam("societe_id")
)


class DelaiInvalide(InvalidArgument):
    """Le nombre de jours est hors des limites admises."""


async def creancier_of(reader: Reader, organisation_id: str, societe_id: str) -> Creancier | None:
    """Return the creditor of a société, None when none was saved."""
    return await reader.one(_OF, organisation_id=organisation_id, societe_id=societe_id)


async def notice_of(app: App[Any], organisation_id: str, societe_id: str) -> tuple[int, int]:
    """The days of pre-notification of a société, and the business days before a debit for its file (R4)."""
    creancier = await creancier_of(app.database.read(), organisation_id, societe_id)
    if creancier is None:
        return PREAVIS, DELAI_REMISE
    return creancier.preavis_jours, creancier.delai_remise_jours_ouvres


async def save(app: App[PaymentsSettings], request: pb.SaveCreancierRequest) -> pb.Creancier:
    """Make or replace the creditor of a société; files that exist already stay as they are."""
    if not request.organisation_id:
        raise OrganisationRequise
    societe_id = opaque_id(request.societe_id, "societe_id") or ""
    columns, iban, coffre = _told_by(request), bank_ids.iban_of(request.iban), app.part(Coffre)
    async with app.database.transaction() as tx:
        await tx.lock("creancier", request.organisation_id, societe_id)
        row = await creancier_of(tx, request.organisation_id, societe_id)
        row_id = row.id if row else uuid7()
        columns |= {"iban_chiffre": coffre.seal_creancier(iban, row_id), "iban_masque": bank_ids.masked(iban)}
        if row is None:
            row = Creancier(
                id=row_id, organisation_id=request.organisation_id, societe_id=societe_id, **columns
            )
            await tx.insert(row)
        else:
            if coffre.open(row) == iban:
                del columns["iban_chiffre"]  # sealed anew it would look changed
            await tx.update(row, **columns)
    return to_message(row, pb.Creancier)


async def get(app: App[PaymentsSettings], request: pb.GetCreancierRequest) -> pb.Creancier:
    """Return the creditor of a société."""
    societe_id = opaque_id(request.societe_id, "societe_id") or ""
    return to_message(
        found(await creancier_of(app.database.read(), request.organisation_id, societe_id)), pb.Creancier
    )


def _told_by(request: pb.SaveCreancierRequest) -> dict[str, Any]:
    """Return the columns that *request* tells, but the account. Raises InvalidArgument."""
    provider = one_of(request.provider or SEPA_FILE, PROVIDERS, "provider")
    return {
        "nom": holder(required(request.nom, "nom"), "nom"),
        "ics": bank_ids.ics_of(request.ics),
        "bic": bank_ids.bic_of(request.bic),
        "sequence_premier": one_of(request.sequence_premier or RCUR, (RCUR, FRST), "sequence_premier"),
        "provider": psp.gateway(provider).name,
        **{name: _days(request, name) for name in _DAYS},
    }


def _days(request: pb.SaveCreancierRequest, name: str) -> int:
    default, least, most = _DAYS[name]
    days: int = getattr(request, name) if request.HasField(name) else default  # type: ignore[arg-type]
    if not least <= days <= most:
        raise DelaiInvalide(f"de {least} à {most}", champ=name)
    return days
