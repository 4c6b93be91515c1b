"""Methods that a contract marks as internal are for services, in every service (C5)."""

import importlib
from typing import Any

import grpc
import pytest
from crm.common import common_pb2
from google.protobuf.descriptor import MethodDescriptor
from service_kit import Service
from service_kit.registry import services
from service_testing import Mesh, refusal


def internal_methods(service: Service) -> list[MethodDescriptor]:
    """The methods of *service* that users may not call."""
    module = importlib.import_module(f"crm.{service.name}.{service.name}_pb2")
    contracts = module.DESCRIPTOR.services_by_name.values()
    methods = [method for contract in contracts for method in contract.methods]
    return [method for method in methods if method.GetOptions().Extensions[common_pb2.internal]]


@pytest.mark.parametrize("service", services().values(), ids=lambda service: service.name)
async def test_C5_internal_methods_refuse_users(mesh: Mesh, service: Service) -> None:
    """With APPEL_INTERNE_SEULEMENT, whatever they ask."""
    channel = mesh.channel(service.name, mesh.secrets.token())
    for method in internal_methods(service):
        assert method.containing_service is not None
        call: Any = channel.unary_unary(f"/{method.containing_service.full_name}/{method.name}")
        told = await refusal(call(b""))
        assert (method.full_name, told.code, told.reason) == (
            method.full_name,
            grpc.StatusCode.PERMISSION_DENIED,
            "APPEL_INTERNE_SEULEMENT",
        )
