"""Mesh and stubs of the commission service, which runs once for all tests of this folder."""

from crm.commission.commission_pb2_grpc import BordereauServiceStub
from service_commission.service import SERVICE
from service_testing.fixtures import mesh_of, of_member

mesh = mesh_of(SERVICE)
bordereaux = of_member(BordereauServiceStub)
