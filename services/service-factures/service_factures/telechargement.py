"""Download: the files of an issued invoice (R12, R30)."""

import hashlib
import logging
from typing import Final

from crm.factures import factures_pb2 as pb
from db_utils import Database, Scope, within
from grpc_utils import found, one_of
from grpc_utils.errors import FailedPrecondition, Unavailable

from service_factures import fabrication
from service_factures.document_models import FactureDocument
from service_factures.identite import check_complete
from service_factures.models import BROUILLON, Facture
from service_factures.settings import FacturesSettings

PDF, XML = "PDF", "XML"
_MIME: Final = {PDF: "application/pdf", XML: "application/xml"}
_log = logging.getLogger(__name__)


class FactureNonEmise(FailedPrecondition):
    """Un brouillon n'a pas de document : émettez d'abord la facture."""


class DocumentIndisponible(Unavailable):
    """Le document de la facture n'a pas encore pu être produit : un nouvel essai est prévu."""


async def download(
    database: Database, request: pb.DownloadFactureRequest, settings: FacturesSettings
) -> pb.DownloadFactureResponse:
    """The stored file of an invoice; the first download makes it where the job has not yet."""
    kind = one_of(request.format or PDF, _MIME, "format")
    facture = found(await database.read().get(Facture, request.id))
    _check(facture)
    # A service may read an invoice by its id without naming its organisation (C6).
    with within(Scope(facture.organisation_id)):
        stored = await database.read().get(FactureDocument, facture.id)
        if stored is None:
            stored = await _made(database, facture, settings)
    content = stored.pdf if kind == PDF else stored.xml
    return pb.DownloadFactureResponse(
        content=content,
        file_name=f"{facture.numero}.{kind.lower()}",
        mime_type=_MIME[kind],
        sha256=stored.sha256 if kind == PDF else hashlib.sha256(content).hexdigest(),
    )


def _check(facture: Facture) -> None:
    """Refuse a draft, and an invoice whose parties are not known yet; says what is missing (R12)."""
    if facture.statut == BROUILLON:
        raise FactureNonEmise
    check_complete(facture)


async def _made(database: Database, facture: Facture, settings: FacturesSettings) -> FactureDocument:
    try:
        return await fabrication.make(database, facture, settings)
    except Exception as error:
        _log.exception("the document of invoice %s cannot be made", facture.id)
        raise DocumentIndisponible from error
