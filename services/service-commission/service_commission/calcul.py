"""Calculer: what a receipt is worth, on demand; written like that of payment.received (R1–R15).

The computation is in `attribution.py`, the transaction in `encaissements.py`.
"""

from decimal import Decimal
from typing import Any, Final

from crm.commission import commission_pb2 as pb
from crm.payments.payments_pb2 import GetPaymentRequest
from crm.payments.payments_pb2_grpc import PaymentServiceStub
from db_utils import clock
from google.protobuf.struct_pb2 import Struct
from grpc_utils import (
    answered_or_none,
    at_most,
    caller,
    found,
    money,
    opaque_id,
    optional_date,
    required,
    to_message,
)
from grpc_utils.errors import AlreadyExists, FailedPrecondition, InvalidArgument
from service_kit import App

from service_commission import encaissements
from service_commission.attribution import Calcul, calcul, etat_of
from service_commission.baremes import snapshot_of
from service_commission.dossiers import Dossier, Recu, SansContrat, dossier_of
from service_commission.models import LONGEST_MOTIF, Commission

_RECEIVED: Final = ("PAID", "PARTIALLY_REFUNDED")
_WRITTEN: Final = ("id", "created_at", "updated_at", "version")


class PaiementOuMontant(InvalidArgument):
    """Indiquez soit un paiement, soit un montant hors taxes."""


class PaiementNonRecu(FailedPrecondition):
    """Ce paiement n'a pas été encaissé, ou il est revenu."""


class AutreContrat(FailedPrecondition):
    """Ce paiement appartient à un autre contrat."""


class DejaCommissionne(AlreadyExists):
    """Ce paiement a déjà ses commissions."""


async def calculer(app: App[Any], request: pb.CalculerRequest) -> pb.CalculerResponse:
    """Work out what a receipt is worth, and write it unless it is a simulation.

    Raises InvalidArgument, Introuvable, PaiementNonRecu, AutreContrat, DejaCommissionne, and what
    `dossier_of` raises.
    """
    simulation = request.simulation or not request.HasField("simulation")
    motif = at_most(request.motif, LONGEST_MOTIF, "motif")
    if not simulation:
        required(motif, "motif")
    dossier = await _dossier(app, await _recu(app, request))
    organisation_id, payment_id = dossier.recu.organisation_id, dossier.recu.payment_id
    async with app.database.transaction() as tx:
        if payment_id:
            await encaissements.alone_with_payment(tx, organisation_id, payment_id)
            if await encaissements.commissioned(tx, payment_id):
                raise DejaCommissionne
        if simulation:
            return _simulated(calcul(dossier, await etat_of(tx, dossier)), dossier)
        calculated, rows = await encaissements.attribute(tx, dossier, caller().author, motif)
    return _answer(calculated, rows, dossier)


async def _dossier(app: App[Any], recu: Recu) -> Dossier:
    try:
        return await dossier_of(app.peers, recu)
    except SansContrat:
        return found(None, "contrat_id")


async def _recu(app: App[Any], request: pb.CalculerRequest) -> Recu:
    contrat_id = required(opaque_id(request.contrat_id, "contrat_id") or "", "contrat_id")
    jour = optional_date(request.date, "date") or clock.today()
    if bool(request.payment_id) == request.HasField("montant_ht"):
        raise PaiementOuMontant(champ="payment_id")
    if not request.payment_id:
        base = money(request.montant_ht, "montant_ht", positive=True)
        return Recu(request.organisation_id, contrat_id, jour, base_ht=base)
    asked = GetPaymentRequest(id=request.payment_id)
    payment = found(await answered_or_none(app.peers.stub(PaymentServiceStub).Get(asked)), "payment_id")
    if payment.contrat_id and payment.contrat_id != contrat_id:
        raise AutreContrat(champ="contrat_id")
    if payment.statut not in _RECEIVED:
        raise PaiementNonRecu(statut=payment.statut)
    return Recu(
        request.organisation_id,
        contrat_id,
        optional_date(payment.date_reception, "date") or jour,
        montant=Decimal(repr(payment.montant)),
        payment_id=payment.id,
        client_id=payment.client_id or None,
        facture_id=payment.facture_id or None,
        societe_id=payment.societe_id,
    )


def _simulated(calculated: Calcul, dossier: Dossier) -> pb.CalculerResponse:
    """The answer about rows that are not written: they have neither id nor reference."""
    columns = (*calculated.commissions, *calculated.primes)
    answer = _answer(calculated, [Commission(**one, reference="") for one in columns], dossier)
    for message in (*answer.commissions, *answer.primes):
        for name in _WRITTEN:
            message.ClearField(name)
    return answer


def _answer(calculated: Calcul, rows: list[Commission], dossier: Dossier) -> pb.CalculerResponse:
    messages = [to_message(row, pb.Commission) for row in rows]
    parts = len(calculated.commissions)
    answer = pb.CalculerResponse(
        commissions=messages[:parts], primes=messages[parts:], bareme_applique=Struct(), detail=Struct()
    )
    answer.bareme_applique.update(snapshot_of(dossier.bareme))
    answer.detail.update(calculated.detail)
    return answer
