"""Mesh and stubs of the retry service, which runs once for all tests of this folder."""

from crm.retry.retry_pb2_grpc import PolitiqueServiceStub
from service_retry.service import SERVICE
from service_testing.fixtures import mesh_of, of_member

mesh = mesh_of(SERVICE)
politiques = of_member(PolitiqueServiceStub)
