"""Sums over invoices: what a client owes, and whether the numbers of a series are in order."""

from itertools import pairwise
from typing import Any, Final

from crm.factures import factures_pb2 as pb
from db_utils import Reader, clock
from grpc_utils import one_of, opaque_id, required
from grpc_utils.errors import InvalidArgument
from sqlalchemy import Select, bindparam, func, select

from service_factures.lecture import EN_RETARD
from service_factures.models import AVOIR, BROUILLON, FACTURE, Facture

_MOST = 1_000
_YEARS: Final = range(2000, 10_000)

_owed = Facture.solde > 0
_BALANCE: Select[*tuple[Any, ...]] = select(
    func.coalesce(func.sum(Facture.montant_ttc), 0),
    func.coalesce(func.sum(Facture.montant_avoirs), 0),
    func.coalesce(func.sum(Facture.montant_regle), 0),
    func.coalesce(func.sum(Facture.solde), 0),
    func.coalesce(func.sum(Facture.solde).filter(EN_RETARD), 0),
    func.count().filter(_owed),
).where(Facture.client_id == bindparam("client_id"), Facture.type == FACTURE, Facture.statut != BROUILLON)
_BALANCE_OF_SOCIETE = _BALANCE.where(Facture.societe_id == bindparam("societe_id"))
_SERIE = (
    select(Facture.sequence, Facture.date_emission)
    .where(
        Facture.societe_id == bindparam("societe_id"),
        Facture.serie == bindparam("serie"),
        Facture.annee == bindparam("annee"),
        Facture.sequence.is_not(None),
    )
    .order_by(Facture.sequence)
)


class AnneeInvalide(InvalidArgument):
    """Une année a quatre chiffres."""


async def balance(reader: Reader, request: pb.GetClientBalanceRequest) -> pb.ClientBalance:
    """What a client was invoiced, has paid and still owes, drafts left out."""
    named: dict[str, Any] = {
        "client_id": opaque_id(required(request.client_id, "client_id"), "client_id"),
        "today": clock.today(),
    }
    if request.HasField("societe_id"):
        rows = await reader.all(_BALANCE_OF_SOCIETE, societe_id=request.societe_id, **named)
    else:
        rows = await reader.all(_BALANCE, **named)
    if not rows:  # a caller of no organisation
        return pb.ClientBalance()
    *amounts, count = rows[0]
    names = ("total_facture", "total_avoirs", "total_regle", "solde", "montant_en_retard")
    sums = {name: float(amount) for name, amount in zip(names, amounts, strict=True)}
    return pb.ClientBalance(nb_factures_ouvertes=count, **sums)


async def check_sequence(reader: Reader, request: pb.CheckSequenceRequest) -> pb.CheckSequenceResponse:
    """The numbers of a series as they are stored (R6, R7)."""
    one_of(request.serie, (FACTURE, AVOIR), "serie")
    if request.annee not in _YEARS:
        raise AnneeInvalide(champ="annee")
    rows = await reader.all(_SERIE, societe_id=request.societe_id, serie=request.serie, annee=request.annee)
    numbers = [number for number, _ in rows if number is not None]
    days = [day for _, day in rows if day is not None]
    return pb.CheckSequenceResponse(
        premier=numbers[0] if numbers else 0,
        dernier=numbers[-1] if numbers else 0,
        nombre=len(numbers),
        trous=_gaps(numbers),
        doublons=sorted({one for one, following in pairwise(numbers) if one == following})[:_MOST],
        chronologie_ok=all(day <= following for day, following in pairwise(days)),
    )


def _gaps(numbers: list[int]) -> list[int]:
    """The first numbers from 1 on that are missing."""
    gaps: list[int] = []
    for number, following in pairwise([0, *numbers]):
        gaps += range(number + 1, min(following, number + 1 + _MOST))
        if len(gaps) >= _MOST:
            break
    return gaps[:_MOST]
