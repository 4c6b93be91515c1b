"""CommissionService: what apporteurs have earned, and their disputes (R27)."""

from typing import Final

from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import CommissionServiceServicer
from db_utils import Listing
from grpc_utils import Context, found, list_answer, page_of, to_message
from service_kit import App, Settings
from sqlalchemy import bindparam, func, or_, select

from service_commission import calcul, contestations, periodes
from service_commission.bordereau_models import Bordereau, Contestation
from service_commission.models import Commission, Reprise

COMMISSIONS = Listing(
    Commission,
    sorts=("date_encaissement desc", "montant"),
    filters=(
        "beneficiaire_id",
        "contrat_id",
        "client_id",
        "payment_id",
        "periode",
        "type",
        "statut",
        "role",
    ),
)
_REPRISES = (
    select(Reprise)
    .where(Reprise.commission_id == bindparam("commission_id"))
    .order_by(Reprise.created_at, Reprise.id)
)
_CONTESTATIONS = (
    select(Contestation)
    .where(Contestation.commission_id == bindparam("commission_id"))
    .order_by(Contestation.ouverte_le, Contestation.id)
)
_FILTERS: Final = sorted(COMMISSIONS.filters)
_TOTAL: Final = select(func.sum(Commission.montant - Commission.montant_repris)).where(
    *(or_(bindparam(name) == "", getattr(Commission, name) == bindparam(name)) for name in _FILTERS)
)


class CommissionService(CommissionServiceServicer):
    """Commissions of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._app, self._db = app, app.database

    async def Calculer(self, request: pb.CalculerRequest, context: Context) -> pb.CalculerResponse:
        """Work out what a receipt is worth; without simulation also write it."""
        return await calcul.calculer(self._app, request)

    async def Get(self, request: pb.GetCommissionRequest, context: Context) -> pb.Commission:
        """Read a commission with its reprises, its contestations and its bordereau."""
        reader = self._db.read()
        commission = found(await reader.get(Commission, request.id))
        of = {"commission_id": commission.id}
        reprises = await reader.all(_REPRISES, **of)
        contestations = await reader.all(_CONTESTATIONS, **of)
        bordereau = await reader.get(Bordereau, commission.bordereau_id) if commission.bordereau_id else None
        return to_message(
            commission,
            pb.Commission,
            bordereau_reference=bordereau.reference if bordereau else "",
            reprises=[to_message(one, pb.Reprise) for one in reprises],
            contestations=[to_message(one, pb.Contestation) for one in contestations],
        )

    async def List(self, request: pb.ListCommissionsRequest, context: Context) -> pb.ListCommissionsResponse:
        """List commissions, the latest receipt first, with what all of them come to."""
        if request.periode:
            periodes.read(request.periode, "periode")
        reader = self._db.read()
        page = await page_of(COMMISSIONS, reader, request)
        total = await reader.one(_TOTAL, **{name: getattr(request, name) for name in _FILTERS}) or 0
        return list_answer(pb.ListCommissionsResponse, page, total_montant=float(total))

    async def Contester(self, request: pb.ContesterRequest, context: Context) -> pb.Contestation:
        """Dispute a commission; one that waits leaves the drafts (R27)."""
        return to_message(await contestations.contester(self._app, request), pb.Contestation)

    async def TraiterContestation(
        self, request: pb.TraiterContestationRequest, context: Context
    ) -> pb.Contestation:
        """Decide a dispute, with a correction if one is due (R27)."""
        return to_message(await contestations.traiter(self._app, request), pb.Contestation)
