"""ContractOrchestrationService: activation, suspension and termination, each call on record (R14 to R17).

The record is a row of its own before anything is tried, so that a refusal leaves it behind. A success
is noted with the change itself. Payments is asked after that commit.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from crm.contrats import contrats_pb2 as pb
from crm.contrats.contrats_pb2_grpc import ContractOrchestrationServiceServicer
from db_utils import Listing, Transaction, clock
from google.protobuf.json_format import MessageToDict
from grpc_utils import Context, caller, found, list_answer, page_of, required, to_message
from grpc_utils.errors import Refusal
from service_kit import App, Settings
from sqlalchemy import DateTime, Text, bindparam, update

from service_contrats import mandats, rules, statuts, termes
from service_contrats.models import (
    ACTIF,
    ACTIVER,
    FAILURE,
    PENDING,
    RESILIE,
    RESILIER,
    SIGNE,
    SUCCESS,
    SUSPENDRE,
    SUSPENDU,
    Contrat,
    OrchestrationHistory,
)
from service_contrats.transitions import move

HISTORY = Listing(OrchestrationHistory, sorts=("started_at desc",), filters=("contrat_id",))
DEJA_FAIT: Final = "déjà fait"
# A commit goes on when its caller is cancelled meanwhile: it waits for its end, and lets a success be.
_FAILED = (
    update(OrchestrationHistory)
    .where(OrchestrationHistory.id == bindparam("record_id"), OrchestrationHistory.status == PENDING)
    .values(
        status=FAILURE,
        error_message=bindparam("why", type_=Text),
        finished_at=bindparam("now", type_=DateTime(timezone=True)),
    )
)

Request = pb.ActiverContratRequest | pb.SuspendreContratRequest | pb.ResilierContratRequest
Change = Callable[[Transaction, Contrat], Awaitable[str]]


class ContractOrchestrationService(ContractOrchestrationServiceServicer):
    """What becomes of the signed contracts of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db, self._peers = app.database, app.peers

    async def Activer(self, request: pb.ActiverContratRequest, context: Context) -> pb.OrchestrationResponse:
        """Activate a contract; for SEPA, have payments make a mandate if there is none (R14, R17)."""
        record = await self._begun(ACTIVER, request)

        async def activate(tx: Transaction, contrat: Contrat) -> str:
            rules.moyen_paiement(request.moyen_paiement)
            motif = statuts.motif(request.motif, shortest=0)
            if contrat.statut == ACTIF:
                return DEJA_FAIT
            statuts.check_transition(contrat, ACTIF)
            day, columns = rules.date_effet(contrat, request.date_effet), {}
            if contrat.statut == SIGNE:  # for the first time
                columns = termes.terms(day, contrat.frequence_facturation, contrat.duree_mois)
            await move(tx, contrat, ACTIF, auteur=caller().author, motif=motif, **columns)
            await mandats.owe_moyen(tx, contrat, request, key=str(record.id))
            return "Contrat activé."

        answer, contrat = await self._tried(record, activate)
        answer.mandat_statut = mandats.SANS_OBJET
        if request.moyen_paiement == mandats.SEPA:
            answer.mandat_statut = await mandats.mandat_statut(self._peers, contrat)
        return answer

    async def Suspendre(
        self, request: pb.SuspendreContratRequest, context: Context
    ) -> pb.OrchestrationResponse:
        """Suspend a contract until it is activated again (R15)."""

        async def suspend(tx: Transaction, contrat: Contrat) -> str:
            motif = statuts.motif(request.motif)
            if contrat.statut == SUSPENDU:
                return DEJA_FAIT
            await move(tx, contrat, SUSPENDU, auteur=caller().author, motif=motif)
            return "Contrat suspendu."

        answer, _ = await self._tried(await self._begun(SUSPENDRE, request), suspend)
        return answer

    async def Resilier(
        self, request: pb.ResilierContratRequest, context: Context
    ) -> pb.OrchestrationResponse:
        """Terminate a contract, which ends on the day of the termination (R15)."""

        async def terminate(tx: Transaction, contrat: Contrat) -> str:
            motif = statuts.motif(request.motif)
            if contrat.statut == RESILIE:
                return DEJA_FAIT
            statuts.check_transition(contrat, RESILIE)
            day = rules.date_resiliation(contrat, request.date_resiliation)
            columns = {"date_resiliation": day, "motif_resiliation": motif, "date_fin": day}
            await move(tx, contrat, RESILIE, auteur=caller().author, motif=motif, **columns)
            return "Contrat résilié."

        answer, _ = await self._tried(await self._begun(RESILIER, request), terminate)
        return answer

    async def GetHistory(
        self, request: pb.GetContratHistoryRequest, context: Context
    ) -> pb.GetContratHistoryResponse:
        """List the calls about a contract with what became of them, the latest first."""
        reader = self._db.read()
        contrat = found(await reader.get(Contrat, request.contrat_id))
        page = await page_of(HISTORY, reader, request, contrat_id=contrat.id)
        return list_answer(pb.GetContratHistoryResponse, page)

    async def _begun(self, operation: str, request: Request) -> OrchestrationHistory:
        """The record of a call, not written yet (R16). Raises ChampRequis, Introuvable."""
        contrat_id = required(request.contrat_id, "contrat_id")
        contrat = found(await self._db.read().get(Contrat, contrat_id))
        return OrchestrationHistory(
            organisation_id=contrat.organisation_id,
            contrat_id=contrat.id,
            operation=operation,
            payload=MessageToDict(request, preserving_proto_field_name=True),
        )

    async def _tried(
        self, record: OrchestrationHistory, change: Change
    ) -> tuple[pb.OrchestrationResponse, Contrat]:
        """The answer to a call and its contract, after *change*; a failure is noted and raised (R16)."""
        try:
            await self._db.shielded(self._insert(record))
            async with self._db.transaction() as tx:
                contrat = found(await tx.get(Contrat, record.contrat_id, lock=True))
                message = await change(tx, contrat)
                told = {"message": message, "statut": contrat.statut}
                await tx.update(record, status=SUCCESS, response_payload=told, finished_at=clock.now())
        except BaseException as error:  # also a caller who has given up waiting
            await self._db.shielded(self._note_failure(record, error))
            raise
        answer = pb.OrchestrationResponse(
            success=True,
            message=message,
            history_id=str(record.id),
            contrat=to_message(contrat, pb.Contrat),
        )
        return answer, contrat

    # Both run in tasks of their own (`shielded`), beside the transaction of a call with an idempotency
    # key, which a refusal would undo with all that is in it.

    async def _insert(self, record: OrchestrationHistory) -> None:
        async with self._db.transaction() as tx:
            await tx.insert(record)

    async def _note_failure(self, record: OrchestrationHistory, error: BaseException) -> None:
        kind = type(error).__name__
        why = error.message if isinstance(error, Refusal) else f"L'appel n'a pas abouti ({kind})."
        failed = OrchestrationHistory(
            id=record.id,
            organisation_id=record.organisation_id,
            contrat_id=record.contrat_id,
            operation=record.operation,
            status=FAILURE,
            payload=record.payload,
            error_message=why,
            started_at=record.started_at,
            finished_at=clock.now(),
        )
        async with self._db.transaction() as tx:
            if not await tx.insert_if_absent(failed):  # unless the call was given up before it was written
                await tx.execute(_FAILED, record_id=record.id, why=why, now=clock.now())
