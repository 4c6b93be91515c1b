"""Mesh and stubs of the registre service, which runs once for all tests of this folder."""

from crm.registre.registre_pb2_grpc import FicheServiceStub
from service_registre.service import SERVICE
from service_testing.fixtures import mesh_of, of_member

mesh = mesh_of(SERVICE)
fiches = of_member(FicheServiceStub)
