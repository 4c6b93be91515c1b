"""ContratService: contracts themselves, from the draft to the signature that is announced (R10).

What the contract names in other services is looked up before the transaction, which waits for nobody.
"""

import asyncio
from functools import partial

from crm.common.common_pb2 import DeleteResponse
from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContratServiceServicer
from db_utils import Conflict, Listing, Reader, uuid7
from grpc_utils import (
    Afterwards,
    Context,
    caller,
    expected_version,
    found,
    list_answer,
    optional_date,
    page_of,
    required,
    to_message,
)
from service_kit import App, Settings
from sqlalchemy import bindparam, select

from service_contrats import annonces, lignes_rules, lookups, rules, statuts
from service_contrats.models import (
    ANNULE,
    BROUILLON,
    REFERENCE_TAKEN,
    SIGNE,
    Contrat,
    HistoriqueStatut,
    LigneContrat,
)
from service_contrats.references import next_reference
from service_contrats.rules import Demande
from service_contrats.transitions import LIGNES, announce, begin, move

CONTRATS = Listing(
    Contrat,
    sorts=("created_at desc", "reference", "date_debut", "date_signature", "montant_total"),
    filters={
        "client_id": None,
        "commercial_id": None,
        "societe_id": None,
        "statut": None,
        "fin_avant": lambda day: Contrat.date_fin < day,
    },
    search=Contrat.recherche_cle,
)
_BY_REFERENCE = select(Contrat).where(Contrat.reference == bindparam("reference"))
_HISTORIQUE = (
    select(HistoriqueStatut)
    .where(HistoriqueStatut.contrat_id == bindparam("contrat_id"))
    .order_by(HistoriqueStatut.date_changement, HistoriqueStatut.id)
)


class ContratService(ContratServiceServicer):
    """Contracts of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._peers = app.database, app.peers
        self._afterwards = Afterwards()

    async def Create(self, request: pb.CreateContratRequest, context: Context) -> pb.Contrat:
        """Create a contract, signed on the spot and announced unless it is to be a draft (R2)."""
        demande = rules.demande(request)
        day = demande.columns["date_debut"]
        client, offers, _ = await asyncio.gather(
            lookups.client_of(self._peers, demande.columns["client_id"]),
            lookups.offers(self._peers, demande.lignes, day),
            lookups.check_products(self._peers, demande.produits),
        )
        societe_id = client.societe_id if client is not None else ""
        while True:
            try:
                contrat = await self._create(request.reference, demande, offers, societe_id or None)
                break
            except Conflict as conflict:
                if request.reference or conflict.constraint != REFERENCE_TAKEN:
                    raise  # otherwise somebody has just given this number by hand: take the next one
        self._tell_signature(contrat)
        return to_message(contrat, pb.Contrat)

    async def _create(
        self, reference: str, demande: Demande, offers: list[lignes_rules.Offre], societe_id: str | None
    ) -> Contrat:
        organisation_id, identity = demande.columns["organisation_id"], uuid7()
        lignes = [
            lignes_rules.new_ligne(organisation_id, identity, voulue, offre)
            for voulue, offre in zip(demande.lignes, offers, strict=True)
        ]
        contrat_of = partial(
            rules.new_contrat, demande, identity, lignes=lignes, societe_id=societe_id, event_id=uuid7()
        )
        async with self._db.transaction() as tx:
            contrat = contrat_of(reference or await next_reference(tx, organisation_id))
            await tx.insert(contrat)
            for ligne in lignes:
                await tx.insert(ligne)
            await begin(tx, contrat, caller().author)
            if contrat.statut == SIGNE:
                announce(tx, contrat, lignes)
        return contrat

    async def Get(self, request: pb.GetContratRequest, context: Context) -> pb.Contrat:
        """Read a contract."""
        return to_message(found(await self._db.read().get(Contrat, request.id)), pb.Contrat)

    async def GetByReference(self, request: pb.GetContratByReferenceRequest, context: Context) -> pb.Contrat:
        """Read the contract that has this reference in the organisation."""
        reference = required(request.reference, "reference")
        return to_message(found(await self._db.read().one(_BY_REFERENCE, reference=reference)), pb.Contrat)

    async def GetWithDetails(
        self, request: pb.GetContratWithDetailsRequest, context: Context
    ) -> pb.GetContratWithDetailsResponse:
        """Read a contract with its lines and the history of its statut."""
        reader = self._db.read()
        contrat, lignes = found(await reader.get_with(Contrat, request.id, LigneContrat.contrat_id))
        historique = await reader.all(_HISTORIQUE, contrat_id=contrat.id)
        return pb.GetContratWithDetailsResponse(
            contrat=to_message(contrat, pb.Contrat),
            lignes=[to_message(ligne, pb.LigneContrat) for ligne in lignes],
            historique=[to_message(change, pb.HistoriqueStatut) for change in historique],
        )

    async def List(self, request: pb.ListContratsRequest, context: Context) -> pb.ListContratsResponse:
        """List contracts, the newest first unless another sort is asked for."""
        page = await page_of(
            CONTRATS, self._db.read(), request, fin_avant=optional_date(request.fin_avant, "fin_avant")
        )
        return list_answer(pb.ListContratsResponse, page)

    async def Update(self, request: pb.UpdateContratRequest, context: Context) -> pb.Contrat:
        """Change the fields that the request carries, as far as the statut allows (R11)."""
        asked = rules.requested_changes(request)
        await self._check_references(request.id, asked.get("client_id"), asked.get("produit_id"))
        async with self._db.transaction() as tx:
            contrat = found(await tx.get(Contrat, request.id, lock=True))
            changed = rules.contrat_changes(contrat, asked)
            await tx.update(contrat, expected=expected_version(request), **changed)
        return to_message(contrat, pb.Contrat)

    async def _check_references(self, contrat_id: str, client_id: str | None, produit_id: str | None) -> None:
        """Check that the new client and product exist (R3). Raises ClientInconnu, ProduitInconnu."""
        if client_id is None and produit_id is None:
            return
        contrat = found(await self._db.read().get(Contrat, contrat_id))
        if client_id is not None and client_id != contrat.client_id:
            await lookups.client_of(self._peers, client_id)
        if produit_id is not None and produit_id != contrat.produit_id:
            await lookups.check_products(self._peers, [produit_id])

    async def Delete(self, request: pb.DeleteContratRequest, context: Context) -> DeleteResponse:
        """Hide a draft or a cancelled contract for ever (R12)."""
        async with self._db.transaction() as tx:
            contrat = await tx.get(Contrat, request.id, lock=True)
            if contrat is not None:
                statuts.check_deletable(contrat)
                await tx.delete(contrat)
        return DeleteResponse(success=contrat is not None)

    async def Signer(self, request: pb.SignerContratRequest, context: Context) -> pb.Contrat:
        """Sign a draft and announce it; one that is signed already is answered as it is (R9)."""
        columns = rules.signature_columns(request)
        societe_id = await self._societe_of_client(self._db.read(), request.id)
        async with self._db.transaction() as tx:
            contrat = found(await tx.get(Contrat, request.id, lock=True))
            if contrat.statut in statuts.EN_COURS:
                return to_message(contrat, pb.Contrat)
            columns |= {"societe_id": contrat.societe_id or societe_id, "signature_event_id": uuid7()}
            await move(tx, contrat, SIGNE, auteur=caller().author, **columns)
            announce(tx, contrat, await tx.all(LIGNES, contrat_id=contrat.id))
        self._tell_signature(contrat)
        return to_message(contrat, pb.Contrat)

    async def _societe_of_client(self, reader: Reader, contrat_id: str) -> str | None:
        """The société of the client of a draft that has none itself (R21)."""
        contrat = await reader.get(Contrat, contrat_id)
        if contrat is None or contrat.statut != BROUILLON or contrat.societe_id is not None:
            return None
        client = await lookups.known_client(self._peers, contrat.client_id)
        return (client.societe_id or None) if client is not None else None

    async def Annuler(self, request: pb.AnnulerContratRequest, context: Context) -> pb.Contrat:
        """Cancel a contract that is not active yet, for good (R5)."""
        motif = statuts.motif(required(request.motif, "motif"), shortest=1)
        async with self._db.transaction() as tx:
            # Not locked: who cancels a draft that is being signed meanwhile is told VERSION_PERIMEE.
            contrat = found(await tx.get(Contrat, request.id))
            await move(tx, contrat, ANNULE, auteur=caller().author, motif=motif)
        return to_message(contrat, pb.Contrat)

    def _tell_signature(self, contrat: Contrat) -> None:
        """Notify of a signed contract after the answer, at best effort (C14)."""
        if contrat.statut == SIGNE:
            tell = partial(annonces.announce_signature, self._peers, contrat)
            self._afterwards.start("announce_signature", tell)
