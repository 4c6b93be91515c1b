"""Mesh and stubs of the payments service, which runs once for all tests of this folder."""

from crm.payments.payments_pb2_grpc import RemiseServiceStub
from service_payments.service import SERVICE
from service_testing.fixtures import mesh_of, of_member

mesh = mesh_of(SERVICE)
remises = of_member(RemiseServiceStub)
