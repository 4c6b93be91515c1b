"""Requests for types, activities and tasks; what a test gives replaces the usual fields."""

from datetime import datetime
from typing import Any

from crm.activites import activites_pb2 as pb
from grpc_utils import timestamp


def new_type(code: str = "VISITE", **fields: Any) -> pb.CreateTypeActiviteRequest:
    """Request for a type."""
    return pb.CreateTypeActiviteRequest(**({"code": code, "nom": "Visite"} | fields))


def new_activite(**fields: Any) -> pb.CreateActiviteRequest:
    """Request for a call to a client."""
    usual = {"sujet": "Premier appel", "client_base_id": "client-123"}
    kind = {} if {"type_id", "type_code"} & fields.keys() else {"type_code": "APPEL"}
    return pb.CreateActiviteRequest(**(usual | kind | fields))


def new_tache(titre: str = "Rappeler", due: datetime | None = None, **fields: Any) -> pb.CreateTacheRequest:
    """Request for a task that is *due* then."""
    return pb.CreateTacheRequest(titre=titre, date_echeance=timestamp(due) if due else None, **fields)
