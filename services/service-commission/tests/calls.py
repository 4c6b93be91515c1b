"""The way of a bordereau as calls: its draft, its validation, its files."""

from typing import Any

from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceStub


async def draft(
    bordereaux: BordereauServiceStub, periode: str = "2026-02", beneficiaire_id: str = "app-1"
) -> pb.Bordereau:
    """The draft of a beneficiary, as it is now."""
    return await bordereaux.Generer(
        pb.GenererBordereauRequest(beneficiaire_id=beneficiaire_id, periode=periode)
    )


def as_read(bordereau: pb.Bordereau) -> pb.ValiderBordereauRequest:
    """A request to validate *bordereau* as it was read."""
    return pb.ValiderBordereauRequest(id=bordereau.id, version=bordereau.version)


async def validated(bordereaux: BordereauServiceStub, *of: str) -> pb.Bordereau:
    """The bordereau of a beneficiary, generated and validated."""
    return await bordereaux.Valider(as_read(await draft(bordereaux, *of)))


async def exported(bordereaux: BordereauServiceStub, bordereau: pb.Bordereau, kind: str) -> Any:
    """A file of *bordereau*."""
    return await bordereaux.Exporter(pb.ExporterBordereauRequest(id=bordereau.id, format=kind))
