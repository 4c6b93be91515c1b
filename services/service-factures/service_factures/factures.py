"""InvoiceService: invoices from the draft or the issue on.

What an invoice names in other services is looked up before the transaction, which waits for nobody; the
number is taken last (`numerotation.py`).
"""

from collections.abc import Collection
from datetime import date
from typing import Any

from crm.common.common_pb2 import DeleteResponse
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import InvoiceServiceServicer
from db_utils import Listing, Transaction, clock, uuid7
from grpc_utils import (
    Context,
    content_hash,
    expected_version,
    found,
    list_answer,
    optional_date,
    page_of,
    required,
)
from grpc_utils.errors import ChampRequis, VersionPerimee
from service_kit import App
from sqlalchemy import bindparam, select

from service_factures import (
    audit,
    avoirs,
    brouillons,
    comptes,
    emission,
    identite,
    lecture,
    lookups,
    mentions_legales,
    reglements,
    rules,
    saisies,
    telechargement,
    traitements,
)
from service_factures.cles import made_before, made_meanwhile
from service_factures.ecriture import clear_contenu, write_contenu
from service_factures.lookups import Entendu
from service_factures.models import FACTURE, Facture
from service_factures.numerotation import next_number
from service_factures.rules import Demande
from service_factures.saisies import Saisie
from service_factures.settings import FacturesSettings
from service_factures.societes import FactureSettings, settings_of
from service_factures.totaux import of_lignes

FACTURES = Listing(
    Facture,
    sorts=("created_at desc", "date_emission", "date_echeance", "montant_ttc"),
    filters={
        "client_id": None,
        "contrat_id": None,
        "societe_id": None,
        "statut": None,
        "type": None,
        "en_retard": lambda _: lecture.EN_RETARD,
        "date_from": lambda day: Facture.date_emission >= day,
        "date_to": lambda day: Facture.date_emission <= day,
    },
    search=Facture.recherche_cle,
)
_BY_NUMERO = select(Facture).where(
    Facture.numero == bindparam("numero"), Facture.societe_id == bindparam("societe_id")
)


class InvoiceService(InvoiceServiceServicer):
    """Invoices and avoirs of the caller's organisation."""

    def __init__(self, app: App[FacturesSettings]) -> None:
        self._db, self._peers = app.database, app.peers
        self._settings, self._strict = app.settings, app.settings.factures_identite_stricte

    async def Create(self, request: pb.CreateFactureRequest, context: Context) -> pb.Facture:
        """Issue an invoice and announce it, or keep a draft."""
        demande = rules.demande(request)
        reader = self._db.read()
        if (made := await made_before(reader, FACTURE, request.idempotency_key, request)) is not None:
            return await lecture.whole(reader, made)
        columns = demande.columns
        entendu = await lookups.parties(
            self._peers,
            reader,
            request.organisation_id,
            demande.client_id,
            columns["contrat_id"],
            demande.societe_id,
        )
        settings = entendu.settings
        saisie = saisies.saisie(request, columns["motif_exoneration"], columns["nature_operation"], settings)
        async with self._db.transaction() as tx:
            made = await made_meanwhile(
                tx, FACTURE, request.idempotency_key, request, request.organisation_id
            )
            if made is None:
                return await self._made(tx, request, demande, saisie, entendu)
        return await lecture.whole(reader, made)

    async def _made(
        self,
        tx: Transaction,
        request: pb.CreateFactureRequest,
        demande: Demande,
        saisie: Saisie,
        entendu: Entendu,
    ) -> pb.Facture:
        identity, settings = uuid7(), entendu.settings
        columns: dict[str, Any] = {
            **rules.amounts(saisie.totaux),
            "societe_id": settings.societe_id,
            "motif_exoneration": saisie.motif,
            "contenu_hash": content_hash(request),
        }
        if not request.brouillon:
            draft = rules.new_facture(demande, identity, settings, **columns)
            columns |= await self._issued(tx, draft, saisie.categories, settings, entendu)
        facture = await tx.insert(rules.new_facture(demande, identity, settings, **columns))
        contenu = await write_contenu(tx, facture, saisie.totaux, saisie.motif)
        await audit.note(tx, facture, audit.CREATION)
        if not request.brouillon:
            await emission.announce(tx, facture)
        return lecture.message(facture, contenu)

    async def _issued(
        self,
        tx: Transaction,
        draft: Facture,
        categories: Collection[str],
        settings: FactureSettings,
        entendu: Entendu,
        day: date | None = None,
    ) -> dict[str, Any]:
        """The columns that the issue of *draft* fills; its number is taken last."""
        parties = identite.identite(settings, entendu, draft.mode_paiement, categories)
        emission.check_issuable(draft, parties, strict=self._strict)
        reason = draft.motif_exoneration
        mention = await mentions_legales.mention_of(tx, reason, categories, day or clock.today())
        number = await next_number(tx, settings, FACTURE, day)
        emitted = emission.issued(draft, number, settings, parties, mention)
        return emitted | traitements.columns(draft, parties, categories, settings, number["date_emission"])

    async def Get(self, request: pb.GetFactureRequest, context: Context) -> pb.Facture:
        """Read an invoice with its lines, VAT, règlements and avoirs."""
        reader = self._db.read()
        return await lecture.whole(reader, found(await reader.get(Facture, request.id)))

    async def GetByNumero(self, request: pb.GetFactureByNumeroRequest, context: Context) -> pb.Facture:
        """Read the invoice that has this number in the société."""
        reader = self._db.read()
        numero = required(request.numero, "numero")
        facture = await reader.one(_BY_NUMERO, numero=numero, societe_id=request.societe_id)
        return await lecture.whole(reader, found(facture))

    async def List(self, request: pb.ListFacturesRequest, context: Context) -> pb.ListFacturesResponse:
        """List invoices and avoirs, the newest first unless another sort is asked for."""
        page = await page_of(
            FACTURES,
            self._db.read(),
            request,
            current={"today": clock.today()} if request.en_retard else {},
            date_from=optional_date(request.date_from, "date_from"),
            date_to=optional_date(request.date_to, "date_to"),
        )
        return list_answer(pb.ListFacturesResponse, page, lecture.messages(page.rows))

    async def Update(self, request: pb.UpdateFactureRequest, context: Context) -> pb.Facture:
        """Change the fields that the request carries of a draft (R9, R24)."""
        asked = brouillons.requested_changes(request)
        if "client_id" in asked:
            await lookups.client_of(self._peers, asked["client_id"])
        async with self._db.transaction() as tx:
            facture = found(await tx.get(Facture, request.id, lock=True))
            rules.check_draft(facture)
            former, contenu = audit.state(facture), await lecture.contenu_of(tx, facture)
            settings = await settings_of(
                tx, facture.organisation_id, asked.get("societe_id", facture.societe_id)
            )
            revision = brouillons.revision(facture, contenu, request, asked, settings)
            version = facture.version
            await tx.update(facture, expected=expected_version(request), **revision.columns)
            if revision.saisie is not None:
                await clear_contenu(tx, facture)
                contenu = await write_contenu(tx, facture, revision.saisie.totaux, revision.saisie.motif)
            if facture.version != version:
                await audit.note(tx, facture, audit.MODIFICATION, avant=former)
        return lecture.message(facture, contenu)

    async def Delete(self, request: pb.DeleteFactureRequest, context: Context) -> DeleteResponse:
        """Remove a draft for good; what was issued stays (R9)."""
        async with self._db.transaction() as tx:
            facture = await tx.get(Facture, request.id, lock=True)
            if facture is not None:
                rules.check_draft(facture)
                await audit.note(tx, facture, audit.SUPPRESSION, avant=audit.state(facture))
                await tx.delete(facture)
        return DeleteResponse(success=facture is not None)

    async def Finalize(self, request: pb.FinalizeFactureRequest, context: Context) -> pb.Facture:
        """Issue a draft and announce it (R6, R7)."""
        day = optional_date(request.date_emission, "date_emission")
        reader = self._db.read()
        read = found(await reader.get(Facture, request.id))
        rules.check_issuable(read)
        entendu = await lookups.parties(
            self._peers, reader, read.organisation_id, read.client_id, None, read.societe_id
        )
        async with self._db.transaction() as tx:
            facture = found(await tx.get(Facture, request.id, lock=True))
            rules.check_issuable(facture)
            if (facture.client_id, facture.societe_id) != (read.client_id, read.societe_id):
                raise VersionPerimee
            former = audit.state(facture)
            contenu = await lecture.contenu_of(tx, facture)
            settings = await settings_of(tx, facture.organisation_id, facture.societe_id)
            categories = {one.categorie for one in contenu.tva}
            issued = await self._issued(tx, facture, categories, settings, entendu, day)
            await tx.update(facture, **issued)
            await audit.note(tx, facture, audit.EMISSION, avant=former)
            await emission.announce(tx, facture)
        return lecture.message(facture, contenu)

    async def CalculateTotals(
        self, request: pb.CalculateTotalsRequest, context: Context
    ) -> pb.CalculateTotalsResponse:
        """Price lines as an invoice of the société would (R1, R2)."""
        if not request.lignes:
            raise ChampRequis(champ="lignes")
        settings = await settings_of(self._db.read(), request.organisation_id, request.societe_id)
        totals = of_lignes(saisies.lignes(request.lignes, settings))
        saisies.check_known(totals.rates, settings)
        return lecture.totals(totals)

    async def CreateCreditNote(self, request: pb.CreateCreditNoteRequest, context: Context) -> pb.Facture:
        """Credit an issued invoice (R21)."""
        return await avoirs.create(self._db, request)

    async def RegisterPayment(self, request: pb.RegisterPaymentRequest, context: Context) -> pb.Facture:
        """Note a payment (R20)."""
        return await reglements.register(self._db, request)

    async def ReversePayment(self, request: pb.ReversePaymentRequest, context: Context) -> pb.Facture:
        """Take back a payment, or a part of it (R20)."""
        return await reglements.reverse(self._db, request)

    async def Download(
        self, request: pb.DownloadFactureRequest, context: Context
    ) -> pb.DownloadFactureResponse:
        """Give the document of an issued invoice, the same bytes each time (R30)."""
        return await telechargement.download(self._db, request, self._settings)

    async def GetClientBalance(
        self, request: pb.GetClientBalanceRequest, context: Context
    ) -> pb.ClientBalance:
        """Sum up what a client owes."""
        return await comptes.balance(self._db.read(), request)

    async def CheckSequence(
        self, request: pb.CheckSequenceRequest, context: Context
    ) -> pb.CheckSequenceResponse:
        """Look for gaps, doubles and disorder in a series (R6, R7)."""
        return await comptes.check_sequence(self._db.read(), request)
