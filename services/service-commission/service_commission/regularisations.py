"""Reprises that are given up before a bordereau applies them, or given back after it (R28)."""

from typing import Any

from crm.commission import commission_pb2 as pb
from db_utils import Transaction
from grpc_utils import at_most, found, required
from grpc_utils.errors import FailedPrecondition, TransitionInterdite
from service_kit import App
from sqlalchemy import bindparam, select

from service_commission import audit, brouillons
from service_commission.corrections import correct
from service_commission.models import (
    ANNULEE,
    APPLIQUEE,
    EN_ATTENTE,
    LONGEST_MOTIF,
    REGULARISATION,
    Commission,
    Reprise,
)

_GIVEN_BACK = select(Commission).where(
    Commission.type == REGULARISATION,
    Commission.contrat_id.is_not_distinct_from(bindparam("contrat_id")),
    Commission.detail["reprise_id"].astext == bindparam("reprise_id"),
)


class RepriseNonAppliquee(FailedPrecondition):
    """Cette reprise n'a pas encore été appliquée : annulez-la plutôt."""


class RepriseDejaRegularisee(FailedPrecondition):
    """Cette reprise a déjà été régularisée."""


async def annuler(app: App[Any], request: pb.AnnulerRepriseRequest) -> Reprise:
    """Give up a reprise that waits; its amount is again a part of its commission."""
    motif = _motif(request.motif)
    async with app.database.transaction() as tx:
        reprise, commission = await _alone(tx, request.id)
        if reprise.statut != EN_ATTENTE:
            raise TransitionInterdite(de=reprise.statut, vers=ANNULEE)
        await tx.update(reprise, statut=ANNULEE)
        await tx.update(commission, montant_repris=commission.montant_repris - reprise.montant)
        await brouillons.withdraw(tx, reprise.id)
        await audit.note(tx, reprise, audit.REPRISE, "ANNULATION", {"motif": motif})
    return reprise


async def regulariser(app: App[Any], request: pb.RegulariserRepriseRequest) -> Commission:
    """Give an applied reprise back, once, with the next bordereau."""
    motif = _motif(request.motif)
    async with app.database.transaction() as tx:
        reprise, commission = await _alone(tx, request.id)
        if reprise.statut != APPLIQUEE:
            raise RepriseNonAppliquee
        place = {"contrat_id": reprise.contrat_id, "reprise_id": str(reprise.id)}
        if await tx.one(_GIVEN_BACK, **place) is not None:
            raise RepriseDejaRegularisee
        row = await correct(tx, commission, reprise.montant, {"reprise_id": str(reprise.id), "motif": motif})
        await audit.note(
            tx, reprise, audit.REPRISE, REGULARISATION, {"motif": motif, "reference": row.reference}
        )
    return row


def _motif(text: str) -> str:
    return at_most(required(text, "motif"), LONGEST_MOTIF, "motif")


async def _alone(tx: Transaction, reprise_id: str) -> tuple[Reprise, Commission]:
    """The reprise and its commission, locked in this order: the commission first, as everywhere."""
    reprise = found(await tx.get(Reprise, reprise_id))
    await brouillons.alone_with(tx, reprise.organisation_id, reprise.beneficiaire_id or "")
    commission = found(await tx.get(Commission, reprise.commission_id, lock=True))
    return found(await tx.get(Reprise, reprise.id, lock=True)), commission
