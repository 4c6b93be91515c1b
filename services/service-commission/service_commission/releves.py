"""A bordereau as it is printed, from its rows, and its files (R25)."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from db_utils import Reader
from sqlalchemy import any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as UUID_KEY

from service_commission import libelles, lignes
from service_commission.bordereau_models import LINEAIRE, REPRISE, Bordereau, LigneBordereau
from service_commission.exports import Fichiers, Imputation, LigneCommission, LigneReprise, Releve, render
from service_commission.lignes import Entree
from service_commission.models import Commission, Reprise

# Rendering takes the processor: one bordereau at a time leaves the rest of it to calls.
_ONE: Final = ThreadPoolExecutor(1, thread_name_prefix="bordereaux")
# By their ids: a draft that changes while it is read is refused later, by its version.
_ids: Any = any_(bindparam("ids", type_=ARRAY(UUID_KEY(as_uuid=True))))
_COMMISSIONS = select(Commission).where(Commission.id == _ids)
_REPRISES = (
    select(Reprise, Commission)
    .join(Commission, Commission.id == Reprise.commission_id)
    .where(Reprise.id == _ids)
)


async def rendered(releve: Releve) -> Fichiers:
    """The files of *releve*, made beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_ONE, render, releve)


async def releve_of(
    reader: Reader,
    bordereau: Bordereau,
    rows: Sequence[LigneBordereau],
    entrees: Sequence[Entree],
    *,
    reference: str,
    societe: str,
    beneficiaire: str,
    valide_le: datetime,
    valide_par: str,
) -> Releve:
    """All that the files of *bordereau* say: its selected lines, and what they come to."""
    selected = [row for row in rows if row.selectionne]
    ids = [lignes.source_of(row) for row in selected]
    commissions = {one.id: one for one in await reader.all(_COMMISSIONS, ids=ids)}
    reprises = {one[0].id: one for one in await reader.all(_REPRISES, ids=ids)}
    return Releve(
        reference=reference,
        periode=bordereau.periode,
        societe=societe,
        beneficiaire=beneficiaire,
        valide_le=valide_le,
        valide_par=valide_par,
        decompte=lignes.account_of(entrees),
        commissions=tuple(
            _commission(row, commissions[_of(row)]) for row in selected if row.section == LINEAIRE
        ),
        reprises=tuple(_reprise(row, *reprises[_of(row)]) for row in selected if row.section == REPRISE),
        imputations=tuple(
            Imputation(row.libelle, -row.montant)
            for row in selected
            if row.section not in (LINEAIRE, REPRISE) and row.montant
        ),
    )


def _of(row: LigneBordereau) -> UUID:
    return lignes.source_of(row)


def _commission(row: LigneBordereau, of: Commission) -> LigneCommission:
    return LigneCommission(
        reference=of.reference,
        nature=libelles.nature(of),
        date_encaissement=of.date_encaissement,
        contrat=of.contrat_id or "",
        base_ht=of.base_ht,
        taux=of.taux,
        bareme=libelles.bareme(of),
        montant=row.montant,
    )


def _reprise(row: LigneBordereau, reprise: Reprise, of: Commission) -> LigneReprise:
    return LigneReprise(
        reference=of.reference,
        nature=libelles.nature_reprise(reprise.type),
        date_evenement=reprise.date_evenement,
        contrat=reprise.contrat_id or "",
        motif=reprise.motif,
        montant=-row.montant,
    )
