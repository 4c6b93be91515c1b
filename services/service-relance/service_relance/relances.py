"""RelanceService: reminders that are planned, and what became of them."""

from collections.abc import Sequence

from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceServiceServicer
from db_utils import Listing, Transaction
from grpc_utils import Context, found, list_answer, optional_date, page_of, to_message
from grpc_utils.errors import TransitionInterdite
from service_kit import App, Settings
from sqlalchemy import bindparam, select

from service_relance import annulation_rules
from service_relance.models import ANNULEE, ECHEC, IMPAYE, LITIGE, PLANIFIEE, RegleRelance, Relance
from service_relance.regles_rules import RegleSupprimee

RELANCES = Listing(
    Relance,
    sorts=("date_prevue", "created_at"),
    filters={
        "client_id": None,
        "facture_id": None,
        "contrat_id": None,
        "declencheur": None,
        "statut": None,
        "date_from": lambda day: Relance.date_prevue >= day,
        "date_to": lambda day: Relance.date_prevue <= day,
    },
)

# In one order, so that two cancellations never wait for each other.
OF_FACTURE = (
    select(Relance)
    .where(Relance.facture_id == bindparam("facture_id"), Relance.statut == PLANIFIEE)
    .order_by(Relance.id)
    .with_for_update()
)
_FURTHER = OF_FACTURE.where(Relance.declencheur == IMPAYE, Relance.niveau > bindparam("niveau"))


class RelanceService(RelanceServiceServicer):
    """Reminders of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def Get(self, request: pb.GetRelanceRequest, context: Context) -> pb.Relance:
        """Read a reminder."""
        return to_message(found(await self._db.read().get(Relance, request.id)), pb.Relance)

    async def List(self, request: pb.ListRelancesRequest, context: Context) -> pb.ListRelancesResponse:
        """List reminders by planned day, the earliest first unless another sort is asked for."""
        page = await page_of(
            RELANCES,
            self._db.read(),
            request,
            date_from=optional_date(request.date_from, "date_from"),
            date_to=optional_date(request.date_to, "date_to"),
        )
        return list_answer(pb.ListRelancesResponse, page)

    async def Cancel(self, request: pb.CancelRelanceRequest, context: Context) -> pb.CancelRelanceResponse:
        """Cancel what is planned: a reminder, or those of an invoice; a dispute ends all its levels (R21).

        The locks decide between a cancellation and a run: a reminder is carried out or cancelled.
        """
        motif = annulation_rules.motif_of(request)
        async with self._db.transaction() as tx:
            if request.id:
                named = found(await tx.get(Relance, request.id, lock=True))
                relances = [named, *await self._further(tx, named, motif)]
            else:
                relances = list(await tx.all(OF_FACTURE, facture_id=request.facture_id))
            planned = [relance for relance in relances if relance.statut == PLANIFIEE]
            for relance in planned:
                await tx.update(relance, statut=ANNULEE, motif=motif)
        return pb.CancelRelanceResponse(nb_annulees=len(planned))

    async def _further(self, tx: Transaction, relance: Relance, motif: str) -> Sequence[Relance]:
        """The higher levels of the invoice of *relance*, which a dispute holds back as well (R21)."""
        if motif != LITIGE or relance.facture_id is None:
            return ()
        return await tx.all(_FURTHER, facture_id=relance.facture_id, niveau=relance.niveau)

    async def Reschedule(self, request: pb.RescheduleRelanceRequest, context: Context) -> pb.Relance:
        """Plan a reminder for another day, which nobody moves any more; one that failed is planned anew."""
        day, motif = annulation_rules.new_day(request), annulation_rules.required_motif(request.motif)
        async with self._db.transaction() as tx:
            relance = found(await tx.get(Relance, request.id, lock=True))
            if relance.statut not in (PLANIFIEE, ECHEC):
                raise TransitionInterdite(de=relance.statut, vers=PLANIFIEE)
            if await tx.get(RegleRelance, relance.regle_id) is None:
                raise RegleSupprimee
            await tx.update(
                relance,
                statut=PLANIFIEE,
                date_prevue=day,
                a_recalculer=False,
                motif=motif,
                tentatives=0 if relance.statut == ECHEC else relance.tentatives,
            )
        return to_message(relance, pb.Relance)
