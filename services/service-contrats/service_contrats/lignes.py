"""LigneContratService: the lines of drafts.

They change under a lock on the row of their contract, so that calls at once leave fifty at most and
amounts that are those of all lines (R13).
"""

from collections.abc import Mapping

from crm.common.common_pb2 import DeleteResponse
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import LigneContratServiceServicer
from db_utils import Listing, Transaction
from grpc_utils import Context, expected_version, found, list_answer, page_of, required, to_message
from grpc_utils.errors import LimiteAtteinte
from service_kit import App, Settings

from service_contrats import lignes_rules, lookups, termes
from service_contrats.models import Contrat, LigneContrat
from service_contrats.statuts import check_brouillon
from service_contrats.transitions import LIGNES

LISTED = Listing(LigneContrat, sorts=("created_at",), filters=("contrat_id",))


class LigneContratService(LigneContratServiceServicer):
    """Lines of the contracts of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._peers = app.database, app.peers

    async def Create(self, request: pb.CreateLigneContratRequest, context: Context) -> pb.LigneContrat:
        """Add a line to a draft, at the catalogue's price unless it has one (R4, R13)."""
        contrat_id = required(request.contrat_id, "contrat_id")
        voulue = lignes_rules.wanted_alone(request)
        draft = found(await self._db.read().get(Contrat, contrat_id))
        check_brouillon(draft)
        offre = await lookups.offer(self._peers, voulue, draft.date_debut)
        async with self._db.transaction() as tx:
            contrat = await _locked(tx, contrat_id)
            lignes = await tx.all(LIGNES, contrat_id=contrat.id)
            if len(lignes) >= lignes_rules.MOST_LIGNES:
                raise LimiteAtteinte(maximum=str(lignes_rules.MOST_LIGNES))
            ligne = await tx.insert(
                lignes_rules.new_ligne(contrat.organisation_id, contrat.id, voulue, offre)
            )
            await _recompute(tx, contrat, [*lignes, ligne])
        return to_message(ligne, pb.LigneContrat)

    async def Update(self, request: pb.UpdateLigneContratRequest, context: Context) -> pb.LigneContrat:
        """Change a line of a draft; another product brings its rate, not its price (R13, R22)."""
        changed = lignes_rules.ligne_changes(request)
        changed |= await self._rate_of(request.id, changed.get("produit_id"))
        async with self._db.transaction() as tx:
            ligne = found(await tx.get(LigneContrat, request.id))
            contrat = await _locked(tx, str(ligne.contrat_id))
            ligne = found(await tx.get(LigneContrat, request.id))  # again: it may have changed before
            await tx.update(ligne, expected=expected_version(request), **changed)
            await _recompute(tx, contrat, await tx.all(LIGNES, contrat_id=contrat.id))
        return to_message(ligne, pb.LigneContrat)

    async def _rate_of(self, ligne_id: str, produit_id: str | None) -> Mapping[str, object]:
        """The rate that a line gets with another product (R22). Raises Introuvable, ProduitInconnu."""
        if produit_id is None:
            return {}
        ligne = found(await self._db.read().get(LigneContrat, ligne_id))
        if produit_id == ligne.produit_id:
            return {}
        return lignes_rules.rate_changes(await lookups.rate(self._peers, produit_id))

    async def Delete(self, request: pb.DeleteLigneContratRequest, context: Context) -> DeleteResponse:
        """Remove a line of a draft; without lines a contract has no amount (R13)."""
        async with self._db.transaction() as tx:
            ligne = await tx.get(LigneContrat, request.id)
            if ligne is None or await tx.get(Contrat, ligne.contrat_id) is None:
                return DeleteResponse(success=False)
            contrat = await _locked(tx, str(ligne.contrat_id))
            ligne = await tx.get(LigneContrat, request.id)  # again: it may be gone by now
            if ligne is not None:
                await tx.delete(ligne)
                await _recompute(tx, contrat, await tx.all(LIGNES, contrat_id=contrat.id))
        return DeleteResponse(success=ligne is not None)

    async def ListByContrat(
        self, request: pb.ListLignesByContratRequest, context: Context
    ) -> pb.ListLignesByContratResponse:
        """List the lines of a contract, the oldest first."""
        reader = self._db.read()
        contrat = found(await reader.get(Contrat, request.contrat_id))
        page = await page_of(LISTED, reader, request, contrat_id=contrat.id)
        return list_answer(pb.ListLignesByContratResponse, page)


async def _locked(tx: Transaction, contrat_id: str) -> Contrat:
    """The draft, locked until the end of *tx*. Raises Introuvable, ContratEngage."""
    contrat = found(await tx.get(Contrat, contrat_id, lock=True))
    check_brouillon(contrat)
    return contrat


async def _recompute(tx: Transaction, contrat: Contrat, lignes: list[LigneContrat]) -> None:
    """Write the amounts of *contrat* with these *lignes*; an amount that was given stays with the last."""
    montant = contrat.montant if contrat.montant_impose and lignes else None
    await tx.update(contrat, **termes.amounts(lignes, contrat.nombre_echeances, montant))
