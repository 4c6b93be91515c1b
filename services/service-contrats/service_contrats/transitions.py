"""Changes of the statut of contracts, each with its line in the history (R6), and contract.signed (R10)."""

from collections.abc import Sequence
from typing import Any

from crm.events.business_pb2 import ContractSignedEvent
from db_utils import Transaction
from grpc_utils import timestamp
from nats_utils import publish
from sqlalchemy import bindparam, select

from service_contrats.models import Contrat, HistoriqueStatut, LigneContrat
from service_contrats.statuts import check_transition

LIGNES = (
    select(LigneContrat)
    .where(LigneContrat.contrat_id == bindparam("contrat_id"))
    .order_by(LigneContrat.created_at, LigneContrat.id)
)
"""The lines of a contract, the oldest first."""


async def begin(tx: Transaction, contrat: Contrat, auteur: str) -> None:
    """Note the first statut of a new *contrat* (R6)."""
    await _note(tx, contrat, None, "", auteur)


async def move(
    tx: Transaction, contrat: Contrat, vers: str, *, auteur: str, motif: str = "", **columns: Any
) -> None:
    """Give *contrat* the statut *vers*, with the *columns* that change along (R5, R6).

    Raises TransitionInterdite, and VersionConflict when another writer has changed *contrat* since
    it was read.
    """
    check_transition(contrat, vers)
    former = contrat.statut
    await tx.update(contrat, statut=vers, **columns)
    await _note(tx, contrat, former, motif, auteur)


def announce(tx: Transaction, contrat: Contrat, lignes: Sequence[LigneContrat]) -> None:
    """Publish the signature of *contrat* under the id that its row holds (R10)."""
    assert contrat.date_signature is not None
    first = lignes[0].produit_id if lignes else ""
    publish(
        tx,
        ContractSignedEvent(
            event_id=str(contrat.signature_event_id),
            contrat_id=str(contrat.id),
            client_id=contrat.client_id,
            produit_id=contrat.produit_id or first,
            montant_total=float(contrat.montant_total),
            date_signature=timestamp(contrat.date_signature),
            organisation_id=contrat.organisation_id,
            societe_id=contrat.societe_id or "",
        ),
    )


async def _note(tx: Transaction, contrat: Contrat, former: str | None, motif: str, auteur: str) -> None:
    await tx.insert(
        HistoriqueStatut(
            organisation_id=contrat.organisation_id,
            contrat_id=contrat.id,
            ancien_statut=former,
            nouveau_statut=contrat.statut,
            motif=motif or None,
            auteur_id=auteur,
        )
    )
