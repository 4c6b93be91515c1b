"""RelanceEngineService: what is due is carried out on request, and what became of it is counted.

The work is done in `execution.py` and `statistiques.py`.
"""

from collections import Counter
from collections.abc import Sequence

from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import RelanceEngineServiceServicer
from db_utils import clock
from grpc_utils import Context, optional_date, to_message
from grpc_utils.errors import Aborted, InvalidArgument
from service_kit import App, Settings

from service_relance.execution import only_run, run
from service_relance.models import ECHEC, EXECUTEE, IGNOREE
from service_relance.passage import REPORTEE, Passage, Resultat
from service_relance.signalements import new_signalement, report
from service_relance.statistiques import periode, statistiques


class ExecutionEnCours(Aborted):
    """Une exécution des relances est déjà en cours pour cette organisation."""


class DateFuture(InvalidArgument):
    """Une exécution ne peut être datée du futur que pour un essai à blanc (dry_run)."""


class RelanceEngineService(RelanceEngineServiceServicer):
    """Runs of the caller's organisation, and figures about them."""

    def __init__(self, app: App[Settings]) -> None:
        self._app = app
        self._db = app.database

    async def ExecuteRelances(
        self, request: pb.ExecuteRelancesRequest, context: Context
    ) -> pb.ExecuteRelancesResponse:
        """Carry out what is due in the caller's organisation (R10). Raises ExecutionEnCours, DateFuture."""
        jour = optional_date(request.date, "date") or clock.today()
        if jour > clock.today() and not request.dry_run:
            raise DateFuture(champ="date")
        passage = Passage(jour, dry_run=request.dry_run)
        async with only_run(self._app, request.organisation_id) as alone:
            if not alone:
                raise ExecutionEnCours
            return _answer(await run(self._app, passage, request.client_id))

    async def ProcessEvent(
        self, request: pb.ProcessEventRequest, context: Context
    ) -> pb.ProcessEventResponse:
        """Bring the next level of an invoice forward of which no debit is presented again (R20)."""
        signalement = new_signalement(request)
        reported = await report(self._app, signalement)
        return pb.ProcessEventResponse(relances=[to_message(one, pb.Relance) for one in reported])

    async def GetStatistiques(
        self, request: pb.GetStatistiquesRelanceRequest, context: Context
    ) -> pb.StatistiquesRelance:
        """Count what was carried out within a period (R23)."""
        return await statistiques(self._db.read(), periode(request))


def _answer(results: Sequence[Resultat]) -> pb.ExecuteRelancesResponse:
    numbers = Counter(result.resultat for result in results)
    return pb.ExecuteRelancesResponse(
        executees=numbers[EXECUTEE],
        echouees=numbers[ECHEC],
        ignorees=numbers[IGNOREE],
        reportees=numbers[REPORTEE],
        resultats=(
            pb.ResultatRelance(
                relance_id=str(result.relance_id), resultat=result.resultat, motif=result.motif
            )
            for result in results
        ),
    )
