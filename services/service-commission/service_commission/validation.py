"""Validation of a bordereau: one transaction in which all that it pays is settled for good (R25).

The files are made before it, so that nobody waits for them under a lock; they say a reference that
another validation may take meanwhile, and are then made again.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from db_utils import Transaction, VersionConflict, clock, failpoint
from grpc_utils import caller, found
from grpc_utils.errors import Aborted, FailedPrecondition
from service_kit import App
from sqlalchemy import bindparam, exists, select, update

from service_commission import audit, brouillons, entetes, lignes, references, releves
from service_commission.bordereau_models import (
    ACOMPTE,
    APURE,
    BROUILLON,
    LINEAIRE,
    REPORT,
    REPRISE,
    VALIDE,
    Acompte,
    Bordereau,
    BordereauFichiers,
    Imputation,
    LigneBordereau,
    ReportNegatif,
)
from service_commission.decomptes import Decompte
from service_commission.exports import Fichiers, Releve
from service_commission.lignes import Entree
from service_commission.models import APPLIQUEE, EN_ATTENTE, VALIDEE, Commission, Reprise


class BordereauDejaValide(FailedPrecondition):
    """Ce bordereau est déjà validé : il ne change plus."""


class BordereauVide(FailedPrecondition):
    """Ce bordereau n'a aucune commission ni reprise sélectionnée."""


class BordereauPerime(Aborted):
    """Commission, reprise, report ou acompte, quelque chose a changé depuis la génération : régénérez-le."""


def _lines(column: Any) -> Any:
    """The ids that the selected lines of the bordereau have in *column*."""
    return select(column).where(
        LigneBordereau.bordereau_id == bindparam("bordereau"), LigneBordereau.selectionne, column.is_not(None)
    )


# Locked in the order of their ids, as whoever takes them back does.
_LOCK_COMMISSIONS: Final = (
    select(Commission.id)
    .where(Commission.id.in_(_lines(LigneBordereau.commission_id)))
    .order_by(Commission.id)
    .with_for_update()
)
_LOCK_REPRISES: Final = (
    select(Reprise.id)
    .where(Reprise.id.in_(_lines(LigneBordereau.reprise_id)))
    .order_by(Reprise.id)
    .with_for_update()
)
_settled: Any = {"bordereau_id": bindparam("bordereau"), "updated_at": bindparam("now")}
_VALIDATE: Final = (
    update(Commission)
    .where(
        Commission.statut == EN_ATTENTE,
        exists().where(
            LigneBordereau.bordereau_id == bindparam("bordereau"),
            LigneBordereau.selectionne,
            LigneBordereau.commission_id == Commission.id,
            LigneBordereau.montant == Commission.montant - Commission.montant_repris,
        ),
    )
    .values(statut=VALIDEE, version=Commission.version + 1, **_settled)
)
_APPLY: Final = (
    update(Reprise)
    .where(
        Reprise.statut == EN_ATTENTE,
        exists().where(
            LigneBordereau.bordereau_id == bindparam("bordereau"),
            LigneBordereau.selectionne,
            LigneBordereau.reprise_id == Reprise.id,
            LigneBordereau.montant == -Reprise.montant,
        ),
    )
    .values(statut=APPLIQUEE, version=Reprise.version + 1, **_settled)
)


@dataclass(frozen=True, slots=True)
class Etat:
    """A draft with its lines, and what they come to with what is left of carry-overs and acomptes."""

    bordereau: Bordereau
    rows: Sequence[LigneBordereau]
    entrees: Sequence[Entree]
    account: Decompte


async def valider(app: App[Any], bordereau_id: str, version: int) -> tuple[Bordereau, list[LigneBordereau]]:
    """Validate a draft whose *version* its reader has seen.

    Raises Introuvable, BordereauDejaValide, BordereauVide, BordereauPerime, VersionConflict.
    """
    async with app.database.transaction() as tx:
        etat = await _checked(tx, bordereau_id, version)
    releve = await _releve(app, etat)
    fichiers = await releves.rendered(releve)
    async with app.database.transaction() as tx:
        etat = await _checked(tx, bordereau_id, version)
        locked = etat.bordereau
        await _settle(tx, etat)
        reference = await references.next_bordereau(tx, locked.organisation_id, locked.periode)
        if reference != releve.reference:  # another one was validated meanwhile
            fichiers = await releves.rendered(replace(releve, reference=reference))
        await _freeze(tx, locked, replace(releve, reference=reference), fichiers)
        failpoint("bordereau.before_commit")
    failpoint("bordereau.after_commit")
    return locked, list(etat.rows)


async def _freeze(tx: Transaction, bordereau: Bordereau, releve: Releve, fichiers: Fichiers) -> None:
    """Write what *bordereau* says from now on, and its files."""
    await tx.insert(
        BordereauFichiers(
            organisation_id=bordereau.organisation_id,
            bordereau_id=bordereau.id,
            pdf=fichiers.pdf,
            xlsx=fichiers.xlsx,
        )
    )
    await tx.update(
        bordereau,
        statut=VALIDE,
        reference=releve.reference,
        valide_le=releve.valide_le,
        valide_par=releve.valide_par,
        sha256_pdf=hashlib.sha256(fichiers.pdf).hexdigest(),
        sha256_xlsx=hashlib.sha256(fichiers.xlsx).hexdigest(),
    )
    told = {"reference": releve.reference, "net": str(bordereau.total_net)}
    await audit.note(tx, bordereau, audit.BORDEREAU, "VALIDATION", told)


async def _checked(tx: Transaction, bordereau_id: str, version: int) -> Etat:
    """The state of a draft that can be validated; nobody changes it until the end of *tx*."""
    bordereau = found(await tx.get(Bordereau, bordereau_id))
    await brouillons.alone_with(tx, bordereau.organisation_id, bordereau.beneficiaire_id)
    bordereau = found(await tx.get(Bordereau, bordereau_id, lock=True))
    if bordereau.statut != BROUILLON:
        raise BordereauDejaValide
    if bordereau.version != version:
        raise VersionConflict(Bordereau.__tablename__)
    rows = await brouillons.lignes_of(tx, bordereau.id)
    if not any(row.selectionne and row.section in (LINEAIRE, REPRISE) for row in rows):
        raise BordereauVide
    restants = await brouillons.restants(tx, bordereau.beneficiaire_id)
    if not restants.keys() <= {lignes.source_of(row) for row in rows}:
        raise BordereauPerime  # what was paid in advance since would be paid a second time
    entrees = lignes.entrees_of(rows, restants)
    account = lignes.account_of(entrees)
    if lignes.amounts_of(entrees, account) != [row.montant for row in rows]:
        raise BordereauPerime
    return Etat(bordereau, rows, entrees, account)


async def _releve(app: App[Any], etat: Etat) -> Releve:
    reader = app.database.read()
    societe, beneficiaire = await entetes.names(app.peers, etat.bordereau)
    return await releves.releve_of(
        reader,
        etat.bordereau,
        etat.rows,
        etat.entrees,
        reference=await references.expected_bordereau(reader, etat.bordereau.periode),
        societe=societe,
        beneficiaire=beneficiaire,
        valide_le=clock.now(),
        valide_par=caller().author,
    )


async def _settle(tx: Transaction, etat: Etat) -> None:
    """Validate the commissions, apply the reprises and write what is imputed and carried over.

    Raises BordereauPerime when one of them is no longer what its line says.
    """
    bordereau = etat.bordereau
    named = {"bordereau": bordereau.id}
    for section, lock, settle in (
        (LINEAIRE, _LOCK_COMMISSIONS, _VALIDATE),
        (REPRISE, _LOCK_REPRISES, _APPLY),
    ):
        wanted = sum(row.selectionne and row.section == section for row in etat.rows)
        await tx.all(lock, **named)
        if await tx.execute(settle, **named, now=clock.now()) != wanted:
            raise BordereauPerime
    for row in etat.rows:
        if row.section in (REPORT, ACOMPTE) and row.montant:
            await _impute(tx, row)
    if etat.account.report_genere:
        await tx.insert(
            ReportNegatif(
                organisation_id=bordereau.organisation_id,
                beneficiaire_id=bordereau.beneficiaire_id,
                periode_origine=bordereau.periode,
                montant_initial=etat.account.report_genere,
                montant_restant=etat.account.report_genere,
                bordereau_origine_id=bordereau.id,
            )
        )


async def _impute(tx: Transaction, row: LigneBordereau) -> None:
    kind: Any = ReportNegatif if row.section == REPORT else Acompte
    owed = found(await tx.get(kind, lignes.source_of(row), lock=True))
    left = owed.montant_restant + row.montant
    await tx.update(owed, montant_restant=left, statut=owed.statut if left else APURE)
    await tx.insert(
        Imputation(
            organisation_id=row.organisation_id,
            bordereau_id=row.bordereau_id,
            report_id=row.report_id,
            acompte_id=row.acompte_id,
            montant=-row.montant,
        )
    )
