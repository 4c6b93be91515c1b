"""The way of invoices as messages: with its history, or alone in lists."""

from collections.abc import Sequence

from crm.factures import factures_pb2 as pb
from db_utils import Reader, Scope, within
from grpc_utils import to_message
from sqlalchemy import bindparam, select

from service_factures.models import Facture
from service_factures.transmission_models import Transmission, TransmissionStatut

HISTORIQUE = (
    select(TransmissionStatut)
    .where(TransmissionStatut.facture_id == bindparam("facture_id"))
    .order_by(TransmissionStatut.date, TransmissionStatut.id)
)


async def whole(reader: Reader, facture: Facture) -> pb.Transmission:
    """How far *facture* has come, with every status that was heard of it."""
    # A service may read an invoice by its id without naming its organisation (C6).
    with within(Scope(facture.organisation_id)):
        way = await reader.get(Transmission, facture.id)
        return message(facture, way, await reader.all(HISTORIQUE, facture_id=facture.id))


def message(
    facture: Facture, way: Transmission | None, historique: Sequence[TransmissionStatut] = ()
) -> pb.Transmission:
    """*facture* and its *way*, None when it was never to be sent, as a message."""
    told = to_message(
        facture,
        pb.Transmission,
        facture_id=str(facture.id),
        historique=[to_message(one, pb.StatutTransmission) for one in historique],
    )
    if way is not None:
        told.MergeFrom(to_message(way, pb.Transmission))
    return told
