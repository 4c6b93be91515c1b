"""TransmissionService: the way of invoices to a platform, and what is reported beside it."""

from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import TransmissionServiceServicer
from grpc_utils import Context, found, required
from service_kit import App

from service_factures import annuaire, connexions, interventions, suivi
from service_factures.ereporting import cloture
from service_factures.models import Facture
from service_factures.settings import FacturesSettings


class TransmissionService(TransmissionServiceServicer):
    """The way of the invoices of the caller's organisation."""

    def __init__(self, app: App[FacturesSettings]) -> None:
        self._app, self._db = app, app.database

    async def GetTransmission(self, request: pb.GetTransmissionRequest, context: Context) -> pb.Transmission:
        """Read how far an invoice has come."""
        facture_id = required(request.facture_id, "facture_id")
        return await suivi.whole(self._db.read(), found(await self._db.read().get(Facture, facture_id)))

    async def ListTransmissions(
        self, request: pb.ListTransmissionsRequest, context: Context
    ) -> pb.ListTransmissionsResponse:
        """List issued invoices with their statut_transmission."""
        return await suivi.listed(self._db.read(), request)

    async def Transmit(self, request: pb.TransmitRequest, context: Context) -> pb.Transmission:
        """Send an invoice again, or one that need not be sent."""
        return await interventions.transmit(self._db, request)

    async def RecordStatus(self, request: pb.RecordStatusRequest, context: Context) -> pb.Transmission:
        """Note a status that a person has read."""
        return await interventions.record_status(self._db, request)

    async def SaveConnexion(self, request: pb.SaveConnexionRequest, context: Context) -> pb.Connexion:
        """Make or replace the account of a société."""
        return await connexions.save(self._app, request)

    async def GetConnexion(self, request: pb.GetConnexionRequest, context: Context) -> pb.Connexion:
        """Read the account of a société, without its secret."""
        return await connexions.read(self._app, request)

    async def LookupAddress(
        self, request: pb.LookupAddressRequest, context: Context
    ) -> pb.LookupAddressResponse:
        """Look for the addresses of a company in the directory."""
        return await annuaire.lookup(self._app, request)

    async def GetEReporting(self, request: pb.GetEReportingRequest, context: Context) -> pb.EReporting:
        """Read what is to be reported for a period."""
        return await cloture.read(self._db, request)

    async def CloseEReporting(self, request: pb.CloseEReportingRequest, context: Context) -> pb.EReporting:
        """Freeze a period that is over."""
        return await cloture.close(self._db, request)
