"""Disputes of commissions, and what is corrected after them (R27)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from crm.commission import commission_pb2 as pb
from db_utils import Transaction, clock, months_later
from grpc_utils import at_most, caller, found, money, one_of, required
from grpc_utils.errors import FailedPrecondition, InvalidArgument, MontantInvalide
from service_kit import App
from sqlalchemy import bindparam, select

from service_commission import audit, brouillons, retenues
from service_commission.bordereau_models import ACCEPTEE, OUVERTE, REJETEE, Bordereau, Contestation
from service_commission.corrections import correct
from service_commission.models import ANNULATION, ANNULEE, LONGEST_MOTIF, Commission

_OPEN = select(Contestation).where(
    Contestation.commission_id == bindparam("commission_id"), Contestation.statut == OUVERTE
)
_SHORTEST_MOTIF: Final = 10
_MONTHS: Final = 2
_WHOLE: Final = Decimal("100.00")


class MotifTropCourt(InvalidArgument):
    """Le motif d'une contestation a au moins 10 caractères."""


class DelaiDepasse(FailedPrecondition):
    """Une commission se conteste au plus tard deux mois après la validation de son bordereau."""


class CommissionAnnulee(FailedPrecondition):
    """Cette commission est annulée : il n'y a rien à contester."""


class ContestationOuverte(FailedPrecondition):
    """Une contestation de cette commission est déjà ouverte."""


class ContestationDecidee(FailedPrecondition):
    """Cette contestation est déjà décidée."""


class CorrectionTropGrande(FailedPrecondition):
    """Il ne reste pas autant à reprendre sur cette commission."""


def last_day(valide_le: datetime) -> date:
    """The last day on which a commission validated then may be disputed, at the end of a short month."""
    return months_later(valide_le.astimezone(clock.PARIS).date(), _MONTHS)


async def contester(app: App[Any], request: pb.ContesterRequest) -> Contestation:
    """Open a dispute of a commission; one that waits leaves the drafts."""
    motif = at_most(required(request.motif, "motif"), LONGEST_MOTIF, "motif")
    if len(motif) < _SHORTEST_MOTIF:
        raise MotifTropCourt(champ="motif")
    async with app.database.transaction() as tx:
        commission = await _alone(tx, request.commission_id)
        await _check_disputable(tx, commission)
        contestation = Contestation(
            organisation_id=commission.organisation_id,
            commission_id=commission.id,
            motif=motif,
            ouverte_par=caller().author,
        )
        await tx.insert(contestation)
        await tx.flush()  # drafts are counted without what is disputed
        await brouillons.withdraw(tx, commission.id)
        await audit.note(tx, contestation, audit.CONTESTATION, "OUVERTURE", {"motif": motif})
    return contestation


async def traiter(app: App[Any], request: pb.TraiterContestationRequest) -> Contestation:
    """Decide a dispute; a correction is paid with the next bordereau, or taken back."""
    decision = one_of(request.decision, (ACCEPTEE, REJETEE), "decision")
    commentaire = at_most(required(request.commentaire, "commentaire"), LONGEST_MOTIF, "commentaire")
    montant = _correction(request, decision)
    async with app.database.transaction() as tx:
        contestation = found(await tx.get(Contestation, request.contestation_id))
        commission = await _alone(tx, contestation.commission_id)
        contestation = found(await tx.get(Contestation, contestation.id, lock=True))
        if contestation.statut != OUVERTE:
            raise ContestationDecidee
        await tx.update(
            contestation,
            statut=decision,
            commentaire=commentaire,
            decidee_le=clock.now(),
            decidee_par=caller().author,
            montant_correction=montant,
        )
        if montant:
            await _apply(tx, contestation, commission, montant)
        told = {"statut": decision, "commentaire": commentaire, "correction": montant and str(montant)}
        await audit.note(tx, contestation, audit.CONTESTATION, "DECISION", told)
    return contestation


async def _alone(tx: Transaction, commission_id: object) -> Commission:
    """The commission, locked after the bordereaux of its beneficiary."""
    commission = found(await tx.get(Commission, str(commission_id)))
    beneficiaire_id = commission.beneficiaire_id or ""
    await brouillons.alone_with(tx, commission.organisation_id, beneficiaire_id)
    return found(await tx.get(Commission, commission.id, lock=True))


async def _check_disputable(tx: Transaction, commission: Commission) -> None:
    if commission.statut == ANNULEE:
        raise CommissionAnnulee
    if await tx.one(_OPEN, commission_id=commission.id) is not None:
        raise ContestationOuverte
    if commission.bordereau_id is not None:
        bordereau = found(await tx.get(Bordereau, commission.bordereau_id))
        assert bordereau.valide_le is not None, "the commission was validated with it"
        if clock.today() > last_day(bordereau.valide_le):
            raise DelaiDepasse


def _correction(request: pb.TraiterContestationRequest, decision: str) -> Decimal | None:
    if not request.HasField("montant_correction"):
        return None
    montant = money(request.montant_correction, "montant_correction", signed=True)
    if montant and decision == REJETEE:
        raise MontantInvalide("aucune correction avec REJETEE", champ="montant_correction")
    return montant


async def _apply(
    tx: Transaction, contestation: Contestation, commission: Commission, montant: Decimal
) -> None:
    if montant > 0:
        await correct(tx, commission, montant, {"contestation_id": str(contestation.id)})
        return
    if -montant > retenues.left_of(commission):
        raise CorrectionTropGrande(reste=str(retenues.left_of(commission)))
    await retenues.take_back(
        tx,
        commission,
        type=ANNULATION,
        montant=-montant,
        taux=_WHOLE,
        date_evenement=clock.today(),
        motif=f"Contestation acceptée : {contestation.commentaire}"[:LONGEST_MOTIF],
        cle=f"contestation:{contestation.id}",
    )
