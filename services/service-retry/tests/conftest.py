"""Mesh of retry with what it asks; payments and relance are doubles. It runs once for all tests here.

Jobs rest: tests call them at the instant they choose.
"""

from crm.retry.retry_pb2_grpc import RetryPolicyServiceStub
from service_retry.service import SERVICE
from service_testing.fixtures import mesh_of, of_member

mesh = mesh_of(SERVICE)
policies = of_member(RetryPolicyServiceStub)
