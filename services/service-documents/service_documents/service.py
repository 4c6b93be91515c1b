"""The documents service as data: what it is made of. Start reading here."""

from service_kit import Service

from service_documents.archive_job import ARCHIVING
from service_documents.archives import ArchiveService
from service_documents.models import Base
from service_documents.pieces import PieceJointeService
from service_documents.purge import PURGE_JOB
from service_documents.settings import DocumentsSettings
from service_documents.subscribers import SUBSCRIPTIONS

SERVICE = Service(
    name="documents",
    port=50057,
    tables=Base.metadata,
    servicers=(PieceJointeService, ArchiveService),
    subscriptions=SUBSCRIPTIONS,
    workers=(ARCHIVING, PURGE_JOB),
    settings=DocumentsSettings,
)
