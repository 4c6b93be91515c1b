"""RetryEngineService: runs on request, what would become of a rejection, outcomes, figures."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from crm.retry import retry_pb2 as pb
from crm.retry.retry_pb2_grpc import RetryEngineServiceServicer
from db_utils import clock
from grpc_utils import Context, civil_date, found, one_of, opaque_id, optional_date, required
from grpc_utils.errors import Aborted, InvalidArgument
from service_kit import App, Settings

from service_retry import calendrier, codes, creation, journal, outcomes, paiements, remises, rules
from service_retry.issues import ECHOUE, IGNORE, REPORTE, SOUMIS, Resultat
from service_retry.models import (
    ELIGIBLE,
    NOT_ELIGIBLE_MAX_ATTEMPTS,
    NOT_ELIGIBLE_REASON_CODE,
    RetrySchedule,
)
from service_retry.outcomes import REJECTED, STATUTS, Outcome
from service_retry.policies import policy_for
from service_retry.policy_rules import policy_id, snapshot_of
from service_retry.statistiques import periode, statistiques


class ExecutionEnCours(Aborted):
    """Une exécution des représentations est déjà en cours pour cette organisation."""


class DateFuture(InvalidArgument):
    """Une exécution ne peut être datée du futur que pour un essai à blanc (dry_run)."""


class RetryEngineService(RetryEngineServiceServicer):
    """Runs, outcomes and figures of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._app, self._db = app, app.database

    async def ProcessDue(self, request: pb.ProcessDueRequest, context: Context) -> pb.ProcessDueResponse:
        """Present what is due in the caller's organisation (R10). Raises ExecutionEnCours, DateFuture."""
        jour = optional_date(request.date, "date") or clock.today()
        if jour > clock.today() and not request.dry_run:
            raise DateFuture(champ="date")
        schedule_id = await self._wanted(request.retry_schedule_id)
        async with remises.only_run(self._app, request.organisation_id) as alone:
            if not alone:
                raise ExecutionEnCours
            bilan = await remises.run(
                self._app,
                request.organisation_id,
                jour,
                schedule_id=schedule_id,
                dry_run=request.dry_run,
            )
        return _answer(bilan)

    async def _wanted(self, schedule_id: str) -> UUID | None:
        if not schedule_id:
            return None
        return found(await self._db.read().get(RetrySchedule, schedule_id), "retry_schedule_id").id

    async def CheckEligibility(
        self, request: pb.CheckEligibilityRequest, context: Context
    ) -> pb.CheckEligibilityResponse:
        """Tell what would become of a rejected debit of the société (R1, R2, R3, R5)."""
        code = rules.code_of(request.motif_rejet)
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        today = clock.today()
        jour = rules.rejection_day(optional_date(request.date_rejet, "date_rejet") or today, today)
        policy = await policy_for(self._db.read(), societe_id)
        policy_ = str(policy_id(policy) or "")
        snapshot = snapshot_of(policy, paiements.DELAI_REMISE)
        why_not = codes.obstacle(code, snapshot.retryable_codes)
        if why_not:
            return _verdict(NOT_ELIGIBLE_REASON_CODE, why_not, policy_)
        snapshot = snapshot_of(policy, await paiements.delai_remise(self._app, societe_id))
        first = await calendrier.presentation(
            self._app, societe_id, snapshot, rules.base(jour, snapshot, 1), today
        )
        if first.planned_date > rules.last_day(jour, snapshot):
            return _verdict(NOT_ELIGIBLE_MAX_ATTEMPTS, "durée totale dépassée", policy_)
        return _verdict(ELIGIBLE, codes.sentence(code), policy_, first.planned_date)

    async def ReportOutcome(self, request: pb.ReportOutcomeRequest, context: Context) -> pb.RetrySchedule:
        """Apply the outcome of the payment of an attempt, once (R13, R18). Raises TransitionInterdite."""
        outcome = _reported(request)
        attempt = await creation.attempt_of(self._db.read(), outcome.payment_id, request.retry_attempt_id)
        attempt = found(attempt, "payment_id")
        brings = await outcomes.effet(self._app, attempt, outcome)
        async with self._db.transaction() as tx:
            schedule = await outcomes.apply(tx, attempt, outcome, brings)
        return await journal.as_message(self._db.read(), schedule)

    async def GetStatistics(
        self, request: pb.GetRetryStatisticsRequest, context: Context
    ) -> pb.RetryStatistics:
        """Count what became of the rejections of a period (R19)."""
        return await statistiques(self._db.read(), periode(request), request.societe_id)


def _reported(request: pb.ReportOutcomeRequest) -> Outcome:
    """The outcome of *request*. Raises ChampRequis, ValeurInconnue, DateInvalide, TropLong."""
    payment_id = required(request.payment_id, "payment_id")
    statut = one_of(request.statut, STATUTS, "statut")
    code = rules.code_of(request.motif_rejet) if statut == REJECTED else ""
    return Outcome(payment_id, statut, civil_date(required(request.date, "date"), "date"), code)


def _verdict(
    eligibility: str, raison: str, policy_: str, first: date | None = None
) -> pb.CheckEligibilityResponse:
    return pb.CheckEligibilityResponse(
        eligibility=eligibility,
        raison=raison,
        policy_id=policy_,
        first_retry_date=first.isoformat() if first else "",
    )


def _answer(bilan: remises.Bilan) -> pb.ProcessDueResponse:
    return pb.ProcessDueResponse(
        job_id=bilan.job_id,
        statut=bilan.statut,
        total=len(bilan.resultats),
        soumis=bilan.count(SOUMIS),
        ignores=bilan.count(IGNORE, REPORTE),
        echoues=bilan.count(ECHOUE),
        resultats=_told(bilan.resultats),
    )


def _told(resultats: Sequence[Resultat]) -> list[pb.ResultatRetry]:
    return [
        pb.ResultatRetry(retry_attempt_id=str(one.attempt_id), resultat=one.resultat, motif=one.motif)
        for one in resultats
    ]
