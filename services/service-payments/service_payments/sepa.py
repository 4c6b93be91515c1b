"""SepaService: the creditor of a société, the files for its bank, and the bank's reports."""

from crm.payments import payments_pb2 as pb
from crm.payments.payments_pb2_grpc import SepaServiceServicer
from db_utils import Listing, clock
from grpc_utils import Context, found, list_answer, opaque_id, optional_date, page_of, to_message
from grpc_utils.errors import OrganisationRequise
from service_kit import App

from service_payments import creanciers, depot, emission, rapports
from service_payments.sepa_models import Remise, RemiseFichier
from service_payments.settings import PaymentsSettings

REMISES = Listing(
    Remise, sorts=("created_at desc",), filters=("societe_id", "schema", "statut", "date_remise")
)


class SepaService(SepaServiceServicer):
    """Direct debits of the caller's organisation."""

    def __init__(self, app: App[PaymentsSettings]) -> None:
        self._app, self._db = app, app.database

    async def SaveCreancier(self, request: pb.SaveCreancierRequest, context: Context) -> pb.Creancier:
        """Say under which identifier and on which account a société collects."""
        return await creanciers.save(self._app, request)

    async def GetCreancier(self, request: pb.GetCreancierRequest, context: Context) -> pb.Creancier:
        """Read the creditor of a société, its account masked."""
        return await creanciers.get(self._app, request)

    async def EmitDue(self, request: pb.EmitDueRequest, context: Context) -> pb.EmitDueResponse:
        """Hand the debits of a société that are due to its bank (R14)."""
        if not request.organisation_id:
            raise OrganisationRequise
        societe_id = opaque_id(request.societe_id, "societe_id") or ""
        day = optional_date(request.date, "date") or clock.today()
        if day != clock.today() and not request.dry_run:
            raise emission.DateAutre(champ="date")
        bilan = await emission.run(
            self._app, request.organisation_id, societe_id, day, dry_run=request.dry_run
        )
        return emission.answer(bilan)

    async def ImportReport(
        self, request: pb.ImportReportRequest, context: Context
    ) -> pb.ImportReportResponse:
        """Import a report of a bank: what it says becomes of our debits (R23)."""
        return await rapports.import_report(self._app, request)

    async def ListRemises(self, request: pb.ListRemisesRequest, context: Context) -> pb.ListRemisesResponse:
        """List the files for banks, the newest first, without their content."""
        day = optional_date(request.date_remise, "date_remise")
        page = await page_of(REMISES, self._db.read(), request, date_remise=day)
        return list_answer(pb.ListRemisesResponse, page)

    async def DownloadRemise(
        self, request: pb.DownloadRemiseRequest, context: Context
    ) -> pb.DownloadRemiseResponse:
        """Read the file of a remise as the bank gets it."""
        reader = self._db.read()
        remise = found(await reader.get(Remise, request.id))
        fichier = found(await reader.get(RemiseFichier, remise.id))
        return to_message(
            remise,
            pb.DownloadRemiseResponse,
            content=fichier.contenu,
            file_name=depot.file_name(remise.msg_id),
        )
