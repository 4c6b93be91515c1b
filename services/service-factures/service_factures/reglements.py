"""Règlements of invoices, as payments tells them, and what is taken back of them (R18, R20).

The lock of the invoice comes first: règlements and avoirs of one invoice follow each other.
"""

from datetime import date, timedelta
from decimal import Decimal

from crm.factures import factures_pb2 as pb
from db_utils import Database, Transaction, clock
from grpc_utils import (
    at_most,
    civil_date,
    content_hash,
    found,
    money,
    one_of,
    opaque_id,
    required,
    written_amount,
)
from grpc_utils.errors import (
    AlreadyExists,
    CleIdempotenceReutilisee,
    InvalidArgument,
)
from sqlalchemy import bindparam, select

from service_factures import audit, encaissements, lecture, soldes
from service_factures.models import MODES, AnnulationReglement, Facture, Reglement

_BY_PAYMENT = select(Reglement).where(
    Reglement.facture_id == bindparam("facture_id"), Reglement.payment_id == bindparam("payment_id")
)
_BY_KEY = select(AnnulationReglement).where(
    AnnulationReglement.reglement_id == bindparam("reglement_id"),
    AnnulationReglement.cle == bindparam("cle"),
)
_LONGEST_MOTIF, _LONGEST_KEY = 500, 255
_SKEW = timedelta(minutes=5)  # between the clocks of two machines; at midnight a refusal would be final


class ReglementDifferent(AlreadyExists):
    """Ce paiement est déjà enregistré sur cette facture avec un autre montant."""


class DateReceptionFuture(InvalidArgument):
    """Un paiement ne se reçoit pas après aujourd'hui."""


async def register(database: Database, request: pb.RegisterPaymentRequest) -> pb.Facture:
    """Note a payment of an invoice; one that is noted already changes nothing (R20)."""
    facture_id = required(request.facture_id, "facture_id")
    payment_id = opaque_id(required(request.payment_id, "payment_id"), "payment_id") or ""
    montant = money(request.montant, "montant", positive=True)
    day = _come(civil_date(required(request.date_reception, "date_reception"), "date_reception"))
    if request.moyen:
        one_of(request.moyen, MODES, "moyen")
    async with database.transaction() as tx:
        facture = found(await tx.get(Facture, facture_id, lock=True))
        soldes.check_payable(facture)
        known = await tx.one(_BY_PAYMENT, facture_id=facture.id, payment_id=payment_id)
        if known is None:
            reglement = await tx.insert(
                Reglement(
                    organisation_id=facture.organisation_id,
                    facture_id=facture.id,
                    payment_id=payment_id,
                    montant=montant,
                    date_reception=day,
                    moyen=request.moyen or facture.mode_paiement,
                )
            )
            await encaissements.receive(tx, facture, reglement)
            await _settle(tx, facture, montant, audit.REGLEMENT, payment_id)
        elif known.montant != montant:
            raise ReglementDifferent(champ="montant")
        return await lecture.whole(tx, facture)


async def reverse(database: Database, request: pb.ReversePaymentRequest) -> pb.Facture:
    """Take back a payment, or a part of it; the same key again changes nothing (R20)."""
    motif = required(request.motif, "motif")
    key = required(request.cle_idempotence, "cle_idempotence")
    at_most(motif, _LONGEST_MOTIF, "motif")
    at_most(key, _LONGEST_KEY, "cle_idempotence")
    asked = money(request.montant, "montant", positive=True) if request.HasField("montant") else None
    payment_id = required(request.payment_id, "payment_id")
    async with database.transaction() as tx:
        facture = found(await tx.get(Facture, required(request.facture_id, "facture_id"), lock=True))
        reglement = found(await tx.one(_BY_PAYMENT, facture_id=facture.id, payment_id=payment_id))
        done = await tx.one(_BY_KEY, reglement_id=reglement.id, cle=key)
        if done is not None and done.contenu_hash != content_hash(request):
            raise CleIdempotenceReutilisee
        left = reglement.montant - reglement.montant_annule
        if done is None and (asked is not None or left):
            if asked is not None and asked > left:
                raise soldes.AnnulationTropElevee(f"reste : {written_amount(left)}", champ="montant")
            await _take_back(tx, facture, reglement, asked or left, request)
        return await lecture.whole(tx, facture)


async def _take_back(
    tx: Transaction,
    facture: Facture,
    reglement: Reglement,
    montant: Decimal,
    request: pb.ReversePaymentRequest,
) -> None:
    await tx.insert(
        AnnulationReglement(
            organisation_id=facture.organisation_id,
            reglement_id=reglement.id,
            montant=montant,
            motif=request.motif,
            cle=request.cle_idempotence,
            contenu_hash=content_hash(request),
            date=clock.today(),
        )
    )
    await tx.update(reglement, montant_annule=reglement.montant_annule + montant)
    await encaissements.take_back(tx, facture, reglement, montant)
    await _settle(tx, facture, -montant, audit.ANNULATION_REGLEMENT, reglement.payment_id)


async def _settle(tx: Transaction, facture: Facture, montant: Decimal, action: str, payment_id: str) -> None:
    """Move what *facture* has been paid by *montant*, and note it."""
    former = audit.state(facture)
    await tx.update(facture, **soldes.settled(facture, regle=facture.montant_regle + montant))
    await audit.note(tx, facture, action, avant=former, payment_id=payment_id)


def _come(day: date) -> date:
    """*day*, which has come, also by a clock that is a little ahead. Raises DateReceptionFuture."""
    latest = (clock.now() + _SKEW).astimezone(clock.PARIS).date()
    if day > latest:
        raise DateReceptionFuture(f"au plus tard : {clock.today():%d/%m/%Y}", champ="date_reception")
    return day
