"""RepriseService: what is taken back of commissions (R19, R28). `declenchement.py` says when and how much."""

from typing import Final

from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import RepriseServiceServicer
from db_utils import Listing
from grpc_utils import Context, list_answer, page_of, to_message
from service_kit import App, Settings
from sqlalchemy import bindparam, func, or_, select

from service_commission import declenchement, periodes, regularisations
from service_commission.models import Reprise

REPRISES = Listing(
    Reprise,
    sorts=("date_evenement desc", "montant"),
    filters=("beneficiaire_id", "contrat_id", "statut", "periode_application"),
)
_FILTERS: Final = sorted(REPRISES.filters)
_TOTAL: Final = select(func.sum(Reprise.montant)).where(
    *(or_(bindparam(name) == "", getattr(Reprise, name) == bindparam(name)) for name in _FILTERS)
)


class RepriseService(RepriseServiceServicer):
    """Reprises of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._app, self._db = app, app.database

    async def Declencher(
        self, request: pb.DeclencherRepriseRequest, context: Context
    ) -> pb.DeclencherRepriseResponse:
        """Take commissions back; the same again changes nothing."""
        return await declenchement.declencher(self._app, request)

    async def List(self, request: pb.ListReprisesRequest, context: Context) -> pb.ListReprisesResponse:
        """List reprises, the latest event first, with what all of them come to."""
        if request.periode_application:
            periodes.read(request.periode_application, "periode_application")
        reader = self._db.read()
        page = await page_of(REPRISES, reader, request)
        total = await reader.one(_TOTAL, **{name: getattr(request, name) for name in _FILTERS}) or 0
        return list_answer(pb.ListReprisesResponse, page, total_montant=float(total))

    async def Annuler(self, request: pb.AnnulerRepriseRequest, context: Context) -> pb.Reprise:
        """Give up a reprise that no bordereau has applied yet."""
        return to_message(await regularisations.annuler(self._app, request), pb.Reprise)

    async def Regulariser(self, request: pb.RegulariserRepriseRequest, context: Context) -> pb.Commission:
        """Give an applied reprise back, once (R28)."""
        return to_message(await regularisations.regulariser(self._app, request), pb.Commission)
