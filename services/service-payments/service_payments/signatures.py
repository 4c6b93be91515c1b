"""Subscription to signed contracts: each gets its schedule (R1 to R6, R31, R32).

Contrats and the calendar are asked before the transaction. A contract has one schedule that lives at
most: a second signature of it changes nothing.
"""

from dataclasses import dataclass
from decimal import Decimal

from crm.events.business_pb2 import ContractSignedEvent
from db_utils import Scope, Transaction, uuid7, within
from db_utils.clock import PARIS
from grpc_utils import money
from nats_utils import Subscription, required_instant, required_text
from service_kit import App, Settings, invalid_when_refused, owner_of
from service_kit.outgoing import AVERTISSEMENT, alert

from service_payments import echeancier_rules as rules
from service_payments.contrats_lus import ContratLu, read_contract
from service_payments.echeancier_demandes import checked
from service_payments.echeanciers import build, first_days
from service_payments.models import INCOMPLETE, UNIQUE, Echeancier
from service_payments.planification import Jour


@dataclass(frozen=True, slots=True)
class Signature:
    """The schedule of a signed contract with its days; *impossible*: its amount cannot be shared (R1)."""

    schedule: Echeancier
    jours: list[Jour]
    impossible: bool


async def signed_contract(event: ContractSignedEvent, app: App[Settings]) -> Signature | None:
    """The schedule of the contract of *event*; None when nobody knows its client.

    Raises like `owner_of`, InvalidEvent when the event says what no contract says, and Unavailable
    while contrats is silent. A calendar that is away leaves the échéances without days.
    """
    required_text(event, "contrat_id")
    owner = await owner_of(event, app)
    if owner is None:
        return None
    with within(Scope(owner.organisation_id)), invalid_when_refused():
        contrat = await read_contract(app.peers, event.contrat_id)
        schedule = _schedule(event, owner.organisation_id, owner.societe_id, contrat)
        try:
            schedule = checked(schedule)
            return Signature(schedule, await first_days(app, schedule), impossible=False)
        except (rules.EcheanceNulle, rules.TropDEcheances):
            return Signature(schedule, [], impossible=True)


def _schedule(
    event: ContractSignedEvent, organisation_id: str, societe_id: str, contrat: ContratLu | None
) -> Echeancier:
    """The schedule that *event* and its contract say; without a contract one échéance of all (R2)."""
    signed = required_instant(event, "date_signature", "timestamp").astimezone(PARIS).date()
    total = money(event.montant_total, "montant_total") or (contrat.montant_total if contrat else Decimal(0))
    return Echeancier(
        id=uuid7(),
        organisation_id=organisation_id,
        societe_id=societe_id or (contrat.societe_id if contrat else ""),
        client_id=event.client_id,
        contrat_id=event.contrat_id,
        produit_id=event.produit_id or (contrat.produit_id if contrat else "") or None,
        montant_total=total or None,
        frequence=contrat.frequence if contrat else UNIQUE,
        nombre_echeances=contrat.nombre_echeances if contrat else None,
        date_debut=(contrat.date_debut if contrat else None) or signed,
        date_fin=contrat.date_fin if contrat else None,
        date_signature=signed,
        tva={"lignes": contrat.tva if contrat else []},
    )


async def make_schedule(event: ContractSignedEvent, tx: Transaction, signature: Signature | None) -> None:
    """Write the schedule of a signed contract, unless one of it lives already."""
    if signature is None or not await tx.insert_if_absent(signature.schedule):
        return
    schedule = signature.schedule
    if schedule.statut != INCOMPLETE:
        await build(tx, schedule, signature.jours)
    elif signature.impossible:
        await alert(
            tx,
            schedule.organisation_id,
            f"echeancier:{schedule.id}:incomplet",
            niveau=AVERTISSEMENT,
            titre="Échéancier à compléter",
            message=f"Le montant du contrat {schedule.contrat_id} ne se partage pas en ses échéances :"
            " l'échéancier attend un montant.",
            metadata={"contrat_id": schedule.contrat_id or "", "echeancier_id": str(schedule.id)},
        )


SUBSCRIPTIONS = (Subscription(ContractSignedEvent, make_schedule, lookup=signed_contract),)
