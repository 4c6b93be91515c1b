"""Drafts of bordereaux: what a beneficiary has coming, and what it comes to (R21, R22).

Whoever changes lines, carry-overs or acomptes of a beneficiary calls `alone_with` first, so that a draft
never mixes two states; rows of commissions and reprises are locked after it.
"""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from db_utils import Reader, Transaction
from sqlalchemy import bindparam, delete, exists, select

from service_commission import libelles, lignes
from service_commission.bordereau_models import (
    ACOMPTE,
    BROUILLON,
    EN_COURS,
    LINEAIRE,
    OUVERTE,
    REPORT,
    REPRISE,
    Acompte,
    Bordereau,
    Contestation,
    LigneBordereau,
    ReportNegatif,
)
from service_commission.lignes import Entree
from service_commission.models import EN_ATTENTE, Commission, Reprise

_COMMISSIONS = (
    select(Commission)
    .where(
        Commission.beneficiaire_id == bindparam("beneficiaire_id"),
        Commission.statut == EN_ATTENTE,
        Commission.periode <= bindparam("periode"),
        Commission.montant > Commission.montant_repris,
        ~exists().where(Contestation.commission_id == Commission.id, Contestation.statut == OUVERTE),
    )
    .order_by(Commission.date_encaissement, Commission.reference)
)
_REPRISES = (
    select(Reprise, Commission.reference)
    .join(Commission, Commission.id == Reprise.commission_id)
    .where(
        Reprise.beneficiaire_id == bindparam("beneficiaire_id"),
        Reprise.statut == EN_ATTENTE,
        Reprise.periode_application <= bindparam("periode"),
    )
    .order_by(Reprise.date_evenement, Reprise.id)
)
_REPORTS = (
    select(ReportNegatif)
    .where(ReportNegatif.beneficiaire_id == bindparam("beneficiaire_id"), ReportNegatif.statut == EN_COURS)
    .order_by(ReportNegatif.periode_origine, ReportNegatif.created_at, ReportNegatif.id)
)
_ACOMPTES = (
    select(Acompte)
    .where(Acompte.beneficiaire_id == bindparam("beneficiaire_id"), Acompte.statut == EN_COURS)
    .order_by(Acompte.created_at, Acompte.id)
)
_LIGNES = (
    select(LigneBordereau)
    .where(LigneBordereau.bordereau_id == bindparam("bordereau_id"))
    .order_by(LigneBordereau.ordre)
)
_CLEAR = delete(LigneBordereau).where(LigneBordereau.bordereau_id == bindparam("bordereau_id"))
# The drafts that hold a commission or a reprise.
_HOLDING = (
    select(LigneBordereau, Bordereau)
    .join(Bordereau, Bordereau.id == LigneBordereau.bordereau_id)
    .where(
        Bordereau.statut == BROUILLON,
        (LigneBordereau.commission_id == bindparam("source"))
        | (LigneBordereau.reprise_id == bindparam("source")),
    )
)


async def alone_with(tx: Transaction, organisation_id: str, beneficiaire_id: str) -> None:
    """Wait until nobody else changes the bordereaux, carry-overs or acomptes of a beneficiary."""
    await tx.lock("bordereau", organisation_id, beneficiaire_id)


async def lignes_of(reader: Reader, bordereau_id: UUID) -> list[LigneBordereau]:
    """The lines of a bordereau in their order."""
    return await reader.all(_LIGNES, bordereau_id=bordereau_id)


async def owed_by(reader: Reader, beneficiaire_id: str) -> tuple[list[ReportNegatif], list[Acompte]]:
    """The carry-overs and acomptes of a beneficiary that are not paid back yet, the oldest first."""
    reports = await reader.all(_REPORTS, beneficiaire_id=beneficiaire_id)
    return reports, await reader.all(_ACOMPTES, beneficiaire_id=beneficiaire_id)


async def restants(reader: Reader, beneficiaire_id: str) -> Mapping[UUID, Decimal]:
    """What is left of each of them, by their ids."""
    reports, acomptes = await owed_by(reader, beneficiaire_id)
    left = {one.id: one.montant_restant for one in reports}
    return left | {one.id: one.montant_restant for one in acomptes}


async def rebuild(tx: Transaction, bordereau: Bordereau) -> list[LigneBordereau]:
    """Bring a draft up to what its beneficiary has coming now (R21).

    Lines that were deselected stay so. A draft that says so already is left untouched.
    """
    former = await lignes_of(tx, bordereau.id)
    motifs = {lignes.source_of(one): one.motif_deselection for one in former if not one.selectionne}
    entrees = await _coming(tx, bordereau, motifs)
    account = lignes.account_of(entrees)
    rows = lignes.rows_of(bordereau, entrees, lignes.amounts_of(entrees, account))
    if list(map(_said, rows)) == list(map(_said, former)):
        return former
    await tx.execute(_CLEAR, bordereau_id=bordereau.id)
    for row in rows:
        await tx.insert(row)
    societe_id = await _societe(tx, bordereau)
    # The version changes with the lines, also where they come to the same.
    totals = lignes.totals(account, entrees)
    await tx.update(bordereau, version=bordereau.version + 1, societe_id=societe_id, **totals)
    return rows


async def recount(tx: Transaction, bordereau: Bordereau) -> list[LigneBordereau]:
    """Bring the totals of a draft, and what it takes of carry-overs and acomptes, up to its lines."""
    rows = await lignes_of(tx, bordereau.id)
    entrees = lignes.entrees_of(rows, await restants(tx, bordereau.beneficiaire_id))
    account = lignes.account_of(entrees)
    for row, montant in zip(rows, lignes.amounts_of(entrees, account), strict=True):
        await tx.update(row, montant=montant)
    await tx.update(bordereau, version=bordereau.version + 1, **lignes.totals(account, entrees))
    return rows


async def withdraw(tx: Transaction, source: UUID) -> None:
    """Take a commission or a reprise out of the drafts that hold it; the beneficiary is locked."""
    for ligne, bordereau in await tx.all(_HOLDING, source=source):
        await tx.delete(ligne)
        await recount(tx, bordereau)


async def _coming(tx: Transaction, bordereau: Bordereau, motifs: Mapping[UUID, str | None]) -> list[Entree]:
    named = {"beneficiaire_id": bordereau.beneficiaire_id, "periode": bordereau.periode}
    commissions = await tx.all(_COMMISSIONS, **named)
    reprises = await tx.all(_REPRISES, **named)
    reports, acomptes = await owed_by(tx, bordereau.beneficiaire_id)
    found = [
        *(
            (LINEAIRE, one.id, libelles.of_commission(one), one.montant - one.montant_repris)
            for one in commissions
        ),
        *(
            (REPRISE, one.id, libelles.of_reprise(one.type, reference, one.date_evenement), one.montant)
            for one, reference in reprises
        ),
        *((REPORT, one.id, libelles.of_report(one), one.montant_restant) for one in reports),
        *((ACOMPTE, one.id, libelles.of_acompte(one), one.montant_restant) for one in acomptes),
    ]
    return [Entree(*one, motif=motifs.get(one[1])) for one in found]


def _said(ligne: LigneBordereau) -> tuple[object, ...]:
    return (lignes.source_of(ligne), ligne.libelle, ligne.montant, ligne.selectionne)


async def _societe(tx: Transaction, bordereau: Bordereau) -> str:
    """The société of all commissions of a draft; the default one of the organisation where they differ."""
    await tx.flush()
    societes = await tx.all(_SOCIETES, bordereau_id=bordereau.id)
    return societes[0] if len(societes) == 1 else ""


_SOCIETES = (
    select(Commission.societe_id)
    .join(LigneBordereau, LigneBordereau.commission_id == Commission.id)
    .where(LigneBordereau.bordereau_id == bindparam("bordereau_id"))
    .distinct()
)
