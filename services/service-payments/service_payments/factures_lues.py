"""Invoices of payments, as factures tells them when it is asked."""

from typing import Any

from crm.factures.factures_pb2 import Facture, GetFactureRequest
from crm.factures.factures_pb2_grpc import InvoiceServiceStub
from grpc_utils import answered_or_none, found
from service_kit import App

from service_payments.paiements_rules import ours


async def facture_of(app: App[Any], facture_id: str | None) -> Facture | None:
    """Read the invoice of a payment, None for an id that another system made.

    Raises Introuvable, Unavailable.
    """
    if not facture_id or not ours(facture_id):
        return None
    get = app.peers.stub(InvoiceServiceStub).Get
    return found(await answered_or_none(get(GetFactureRequest(id=facture_id))), champ="facture_id")
