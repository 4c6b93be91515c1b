"""The way of invoices as messages: with its history, or alone in lists."""

from collections.abc import Sequence

from crm.factures import factures_pb2 as pb
from db_utils import Listing, Reader
from grpc_utils import list_answer, optional_date, page_of, to_message
from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from service_factures.models import Facture
from service_factures.transmission_models import Transmission, TransmissionStatut

HISTORIQUE = (
    select(TransmissionStatut)
    .where(TransmissionStatut.facture_id == bindparam("facture_id"))
    .order_by(TransmissionStatut.date, TransmissionStatut.id)
)


_WAYS = select(Transmission).where(Transmission.facture_id == any_(bindparam("factures", type_=ARRAY(Uuid))))
TRANSMISSIONS = Listing(
    Facture,
    sorts=("date_emission desc",),
    filters={
        "societe_id": None,
        "statut_transmission": None,
        "traitement": None,
        "date_from": lambda day: Facture.date_emission >= day,
        "date_to": lambda day: Facture.date_emission <= day,
        "issued": lambda _: Facture.numero.is_not(None),
    },
)


async def listed(reader: Reader, request: pb.ListTransmissionsRequest) -> pb.ListTransmissionsResponse:
    """The page of issued invoices that *request* asks for, without their histories."""
    page = await page_of(
        TRANSMISSIONS,
        reader,
        request,
        issued=True,
        date_from=optional_date(request.date_from, "date_from"),
        date_to=optional_date(request.date_to, "date_to"),
    )
    ids = [facture.id for facture in page.rows]
    ways = {way.facture_id: way for way in await reader.all(_WAYS, factures=ids)} if ids else {}
    told = [message(facture, ways.get(facture.id)) for facture in page.rows]
    return list_answer(pb.ListTransmissionsResponse, page, told)


async def whole(reader: Reader, facture: Facture) -> pb.Transmission:
    """How far *facture* has come, with every status that was heard of it."""
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
