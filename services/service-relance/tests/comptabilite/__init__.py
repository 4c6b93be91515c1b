"""A double of factures, as far as relance asks it: a real server in the mesh."""

from crm.factures.factures_pb2 import Facture, GetFactureRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceServicer
from db_utils import scope
from grpc_utils import Context, found
from service_kit import Service
from service_testing.doubles import double
from sqlalchemy import MetaData


class Comptabilite(dict[str, Facture]):
    """What the double knows, by the ids of the invoices."""

    def service(self) -> Service:
        """The double as a service of a mesh."""
        return Service(
            name="factures",
            port=50059,
            package="tests.comptabilite",
            tables=MetaData(),
            servicers=(lambda app: Factures(self),),  # type: ignore[abstract]  # `double` serves the rest
        )


@double
class Factures(InvoiceServiceServicer):
    """Invoices of organisations."""

    def __init__(self, known: Comptabilite) -> None:
        self._known = known

    async def Get(self, request: GetFactureRequest, context: Context) -> Facture:
        """Answer an invoice of the caller's organisation."""
        facture = found(self._known.get(request.id))
        return found(facture if facture.organisation_id == scope.get().organisation_id else None)
