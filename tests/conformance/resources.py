"""The resources of the services, found in their contracts.

A resource is a message with an id that one gRPC service of a contract makes, answers, lists,
changes or deletes; its methods are known by what they take and answer, not by their names alone.
"""

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm.common import common_pb2
from google.protobuf.descriptor import Descriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message_factory import GetMessageClass
from service_kit.registry import services

CREATIONS = ("Create", "Add", "Send")
_PAGE = common_pb2.PaginationResult.DESCRIPTOR


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a service: who calls it, what it takes."""

    service: str
    descriptor: MethodDescriptor

    @property
    def contract(self) -> str:
        """The gRPC service that it is a method of."""
        contract = self.descriptor.containing_service
        assert contract is not None
        return str(contract.full_name)

    @property
    def path(self) -> str:
        """Where it is called."""
        return f"/{self.contract}/{self.descriptor.name}"

    @property
    def name(self) -> str:
        """Its full name, as in "clients.AdresseService.Create"."""
        return f"{self.contract}.{self.descriptor.name}"

    @property
    def internal(self) -> bool:
        """Whether services alone may call it."""
        return bool(self.descriptor.GetOptions().Extensions[common_pb2.internal])

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        options = self.descriptor.GetOptions()
        return bool(options.idempotency_level == MethodOptions.NO_SIDE_EFFECTS)

    @property
    def fields(self) -> set[str]:
        """The fields of its request."""
        return set(self.descriptor.input_type.fields_by_name)

    def request(self, **fields: object) -> Any:
        """Its request with *fields*."""
        return GetMessageClass(self.descriptor.input_type)(**fields)

    @property
    def response(self) -> Any:
        """The class of its response."""
        return GetMessageClass(self.descriptor.output_type)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource with the methods about it; those that its contract does not have are None."""

    service: str
    contract: str
    kind: Descriptor
    create: Method | None = None
    get: Method | None = None
    update: Method | None = None
    delete: Method | None = None
    listing: Method | None = None

    @property
    def name(self) -> str:
        """Service and message, as in "clients.Adresse"."""
        return f"{self.service}.{self.kind.name}"

    def of(self, response: Any) -> Any:
        """The resource in *response*, which may hold it beside other things."""
        if response.DESCRIPTOR is self.kind:
            return response
        fields = response.DESCRIPTOR.fields
        return getattr(response, next(field.name for field in fields if field.message_type is self.kind))

    def rows(self, answer: Any) -> list[Any]:
        """The resources on the page *answer*."""
        fields = answer.DESCRIPTOR.fields
        return list(getattr(answer, next(field.name for field in fields if field.message_type is self.kind)))


def _holds(message: Descriptor, kind: Descriptor) -> bool:
    return message is kind or any(field.message_type is kind for field in message.fields)


def _listed(method: MethodDescriptor) -> Descriptor | None:
    """What is on the pages that *method* answers, None when it answers none."""
    fields = method.output_type.fields
    if not any(field.message_type is _PAGE for field in fields):
        return None
    return next(field.message_type for field in fields if field.is_repeated and field.message_type)


def _kind(contract: ServiceDescriptor) -> Descriptor | None:
    """The message that the contract is about."""
    for kind in filter(None, map(_listed, contract.methods)):
        return kind
    answers = {method.name: method.output_type for method in contract.methods}
    return next((answers[name] for name in ("Get", *CREATIONS) if name in answers), None)


def told(service: str, what: str) -> Mapping[str, Any]:
    """What the tests of *service* say in their module of samples under this name."""
    module = f"tests.samples_{service}"
    if importlib.util.find_spec(module) is None:
        return {}
    table: Mapping[str, Any] = getattr(importlib.import_module(module), what, {})
    return table


def _resource(service: str, contract: ServiceDescriptor) -> Resource | None:
    kind = _kind(contract)
    if kind is None or "id" not in kind.fields_by_name:
        return None
    methods = {method.descriptor.name: method for method in methods_of(service, contract)}
    found = {name: one for name, one in methods.items() if _holds(one.descriptor.output_type, kind)}
    listing = next((one for name, one in found.items() if name.startswith("List")), None)
    is_made = kind.name not in told(service, "MADE_ELSEWHERE")
    create = next((found[name] for name in CREATIONS if is_made and name in found), None)
    by_id = {name: one for name, one in found.items() if "id" in one.fields}
    return Resource(
        service,
        contract.full_name,
        kind,
        create,
        by_id.get("Get"),
        by_id.get("Update"),
        methods.get("Delete") if "id" in getattr(methods.get("Delete"), "fields", ()) else None,
        listing,
    )


def methods_of(service: str, contract: ServiceDescriptor) -> list[Method]:
    """The methods of one gRPC service of *service*."""
    return [Method(service, method) for method in contract.methods]


def contracts(service: str) -> list[ServiceDescriptor]:
    """The gRPC services in the contract of *service*."""
    module = importlib.import_module(f"crm.{service}.{service}_pb2")
    return list(module.DESCRIPTOR.services_by_name.values())


RESOURCES = [
    found for name in services() for contract in contracts(name) if (found := _resource(name, contract))
]
METHODS = [
    method for name in services() for contract in contracts(name) for method in methods_of(name, contract)
]


def named(value: object) -> str:
    """The id of a test about a resource or a method."""
    return str(getattr(value, "name", value))
