"""Archives made by hand, and what they say."""

from crm.contrats import contrats_pb2 as contrats_pb
from crm.documents import documents_pb2 as pb
from crm.documents.documents_pb2_grpc import ArchiveServiceStub, PieceJointeServiceStub
from tests.piece_contents import downloaded, text_of


async def archive(archives: ArchiveServiceStub, contrat: contrats_pb.Contrat) -> pb.ArchiverContratResponse:
    """A call that archives *contrat* by hand."""
    return await archives.ArchiverContrat(pb.ArchiverContratRequest(contrat_id=contrat.id))


async def shown(pieces: PieceJointeServiceStub, piece: pb.PieceJointe) -> str:
    """What the archive says."""
    return text_of(b"".join((await downloaded(pieces, piece.id))[1]))
