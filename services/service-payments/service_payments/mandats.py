"""MandateService: mandates to debit an account, from the signature that is awaited to the end.

The mandates of one client, contract and société change under one lock, so that one of them at most is
ACTIF and a contract asks for one signature only (R11).
"""

from datetime import timedelta
from typing import Any

from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import MandateServiceServicer
from db_utils import Listing, Transaction, Worker, clock
from grpc_utils import Context, caller, found, list_answer, opaque_id, page_of, required, to_message
from grpc_utils.errors import OrganisationRequise
from service_kit import App
from sqlalchemy import bindparam, func, or_, select, update

from service_payments.coffre import Coffre
from service_payments.contrats_lus import read_contract
from service_payments.mandats_rules import MONTHS_UNUSED, REMPLACE, Signature, moved, new_mandat, signature_of
from service_payments.sepa_models import ACTIF, EN_ATTENTE, EXPIRE, REVOQUE, Mandat
from service_payments.settings import PaymentsSettings

MANDATS = Listing(
    Mandat, sorts=("created_at desc",), filters=("id", "client_id", "societe_id", "contrat_id", "statut")
)

_OF = (
    select(Mandat)
    .where(
        Mandat.organisation_id == bindparam("organisation_id"),
        Mandat.societe_id == bindparam("societe_id"),
        Mandat.client_id == bindparam("client_id"),
        func.coalesce(Mandat.contrat_id, "") == bindparam("contrat_id"),
        or_(Mandat.statut == EN_ATTENTE, Mandat.statut == ACTIF),
    )
    .order_by(Mandat.statut, Mandat.created_at)  # ACTIF first
)
_last_use = func.coalesce(Mandat.derniere_presentation_le, Mandat.date_signature)
_UNUSED = (
    update(Mandat)
    .where(
        Mandat.statut == ACTIF,
        _last_use + func.make_interval(0, MONTHS_UNUSED)
        <= bindparam("today", type_=Mandat.date_signature.type),
    )
    .values(
        statut=EXPIRE,
        updated_at=bindparam("now", type_=Mandat.updated_at.type),
        version=Mandat.version + 1,
    )
)


class MandateService(MandateServiceServicer):
    """Mandates of the caller's organisation; accounts are shown masked."""

    def __init__(self, app: App[PaymentsSettings]) -> None:
        self._app, self._db, self._coffre = app, app.database, app.part(Coffre)

    async def Create(self, request: pb.CreateMandateRequest, context: Context) -> pb.Mandate:
        """Ask for a mandate, or record a signed one; a contract never waits for two (R11)."""
        if not request.organisation_id:
            raise OrganisationRequise
        mandat = new_mandat(request, await self._societe(request))
        signature = signature_of(request) if request.iban else None
        async with self._db.transaction() as tx:
            others = await _living(tx, mandat)
            stored = self._same(others, mandat, signature, given_rum=bool(request.rum))
            if stored is None:
                stored = await tx.insert(mandat)
                await tx.flush()
            if signature is not None and stored.statut == EN_ATTENTE:
                await self._sign(tx, stored, signature, others)
        return to_message(stored, pb.Mandate)

    async def Activate(self, request: pb.ActivateMandateRequest, context: Context) -> pb.Mandate:
        """Record the signature of a mandate that waits for it (R11, R12)."""
        async with self._db.transaction() as tx:
            mandat = found(await tx.get(Mandat, request.id))
            others = await _living(tx, mandat)
            mandat = found(await tx.get(Mandat, mandat.id, lock=True))  # it may have changed before the lock
            moved(mandat, ACTIF)
            await self._sign(tx, mandat, signature_of(request), others)
        return to_message(mandat, pb.Mandate)

    async def List(self, request: pb.ListMandatesRequest, context: Context) -> pb.ListMandatesResponse:
        """List mandates, the newest first."""
        page = await page_of(MANDATS, self._db.read(), request)
        return list_answer(pb.ListMandatesResponse, page)

    async def Revoke(self, request: pb.RevokeMandateRequest, context: Context) -> pb.Mandate:
        """End a mandate for good; debits that the bank holds already run to their end (R12)."""
        motif = required(request.motif, "motif")
        async with self._db.transaction() as tx:
            mandat = found(await tx.get(Mandat, request.id, lock=True))
            await tx.update(mandat, **moved(mandat, REVOQUE, motif))
        return to_message(mandat, pb.Mandate)

    async def _societe(self, request: pb.CreateMandateRequest) -> str:
        """The société of the request, else the contract's (R32); contrats itself has told its own."""
        told = opaque_id(request.societe_id, "societe_id")
        if told or caller().kind == "service":
            return told or ""
        contrat = await read_contract(self._app.peers, request.contrat_id)
        return contrat.societe_id if contrat else ""

    def _same(
        self, others: list[Mandat], wanted: Mandat, signature: Signature | None, *, given_rum: bool
    ) -> Mandat | None:
        """Find the mandate of the contract that *wanted* asks for again, so that nothing is made twice.

        The ACTIF one comes first, unless other bank details are signed; then the one that waits for them.
        """
        for other in others if wanted.contrat_id else ():
            of_rum = not given_rum or other.rum == wanted.rum
            known = (
                signature is None or other.statut == EN_ATTENTE or self._coffre.open(other) == signature.iban
            )
            if of_rum and known:
                return other
        return None

    async def _sign(
        self, tx: Transaction, mandat: Mandat, signature: Signature, others: list[Mandat]
    ) -> None:
        """Make *mandat* ACTIF in the place of the one that was (R11)."""
        for other in others:
            if other.id != mandat.id and (other.statut == ACTIF or mandat.contrat_id):
                await tx.update(other, **moved(other, REVOQUE, REMPLACE))
        sealed = self._coffre.seal_mandat(signature.iban, mandat.id)
        await tx.update(mandat, **moved(mandat, ACTIF), **signature.columns, iban_chiffre=sealed)


async def _living(tx: Transaction, mandat: Mandat) -> list[Mandat]:
    """Lock the mandates of the client, contract and société of *mandat*; return those not at their end."""
    place: dict[str, Any] = {
        "organisation_id": mandat.organisation_id,
        "societe_id": mandat.societe_id,
        "client_id": mandat.client_id,
        "contrat_id": mandat.contrat_id or "",
    }
    await tx.lock("mandat", *place.values())
    return list(await tx.all(_OF, **place))


async def expire_unused(app: App[Any]) -> None:
    """End the mandates that no debit has used for 36 months (R12)."""
    async with app.database.transaction() as tx:
        await tx.execute(_UNUSED, today=clock.today(), now=clock.now())


MANDATS_EXPIRES = Worker("mandats-expires", expire_unused, every=timedelta(hours=1))
