"""Taking a commission back: before a bordereau has validated it the commission itself is hit (R19)."""

from datetime import date
from decimal import Decimal

from db_utils import Transaction

from service_commission import audit, periodes
from service_commission.models import ANNULEE, EN_ATTENTE, ZERO, Commission, Reprise


def left_of(commission: Commission) -> Decimal:
    """What was not taken back of *commission* yet; nothing of an annulled one."""
    return ZERO if commission.statut == ANNULEE else commission.montant - commission.montant_repris


async def take_back(
    tx: Transaction,
    commission: Commission,
    *,
    type: str,
    montant: Decimal,
    taux: Decimal,
    date_evenement: date,
    motif: str,
    cle: str,
    mois_ecoules: int | None = None,
    acteur: str = "",
) -> Reprise | None:
    """Take *montant* of *commission*, which is locked and of which so much is left (R19).

    One that waits loses it at once and is annulled when nothing stays; otherwise a reprise is returned
    that the bordereau of the month after *date_evenement* applies.
    """
    taken = commission.montant_repris + montant
    waits = commission.statut == EN_ATTENTE
    whole = waits and taken == commission.montant
    avant = {"statut": commission.statut, "montant_repris": str(commission.montant_repris)}
    await tx.update(commission, montant_repris=taken, statut=ANNULEE if whole else commission.statut)
    apres = {"statut": commission.statut, "montant_repris": str(taken), "type": type, "montant": str(montant)}
    await audit.note(tx, commission, audit.COMMISSION, "REPRISE", apres, avant=avant, acteur=acteur)
    if waits:
        return None
    reprise = Reprise(
        organisation_id=commission.organisation_id,
        commission_id=commission.id,
        type=type,
        beneficiaire_id=commission.beneficiaire_id,
        contrat_id=commission.contrat_id,
        montant=montant,
        taux_reprise=taux,
        mois_ecoules=mois_ecoules,
        date_evenement=date_evenement,
        periode_origine=commission.periode,
        periode_application=periodes.after(periodes.periode_of(date_evenement)),
        motif=motif,
        cle=cle,
    )
    return await tx.insert(reprise)
