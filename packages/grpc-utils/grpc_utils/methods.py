"""Methods as their contracts describe them: messages, whether they change anything, who may call."""

from dataclasses import dataclass

from crm.common import common_pb2
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

ORGANISATION_FIELD = "organisation_id"


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a `.proto` file; *path* is its name on the wire.

    *domain* is the `ErrorInfo.domain` of its refusals. An *internal* method is for services only (C5).
    """

    path: str
    domain: str
    request: type[Message]
    response: type[Message]
    mutating: bool = False
    names_organisation: bool = False
    internal: bool = False


def method_at(path: str) -> Method:
    """The method served at *path*. Raises KeyError when no contract has it."""
    service, _, name = path[1:].rpartition("/")
    descriptor = Default().FindMethodByName(f"{service}.{name}")
    options = descriptor.GetOptions()
    return Method(
        path=path,
        domain=f"crm.{service.partition('.')[0]}",
        request=GetMessageClass(descriptor.input_type),
        response=GetMessageClass(descriptor.output_type),
        mutating=options.idempotency_level != MethodOptions.NO_SIDE_EFFECTS,
        names_organisation=ORGANISATION_FIELD in descriptor.input_type.fields_by_name,
        internal=options.Extensions[common_pb2.internal],
    )


def repeatable_methods(service: str) -> list[str]:
    """The methods of *service* (full name) that a client may send again by itself (C14)."""
    descriptor = Default().FindServiceByName(service)
    safe = (MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT)
    return [method.name for method in descriptor.methods if method.GetOptions().idempotency_level in safe]
