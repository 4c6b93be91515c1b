"""Mesh and stubs of the activites service, which runs once with notifications for all tests here."""

from crm.activites.activites_pb2_grpc import (
    ActiviteServiceStub,
    TacheServiceStub,
    TypeActiviteServiceStub,
)
from service_activites.service import SERVICE
from service_notifications.service import SERVICE as NOTIFICATIONS
from service_testing.fixtures import mesh_of, of_member, of_stranger

mesh = mesh_of(SERVICE, NOTIFICATIONS)
types = of_member(TypeActiviteServiceStub)
activites = of_member(ActiviteServiceStub)
taches = of_member(TacheServiceStub)
foreign_types = of_stranger(TypeActiviteServiceStub)
