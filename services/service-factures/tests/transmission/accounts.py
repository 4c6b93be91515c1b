"""Accounts of sociétés on the platform of the tests."""

from typing import Any

from crm.factures import factures_pb2 as pb
from service_factures.transmission.plateforme import Compte


def connexion(compte: Compte, **fields: Any) -> pb.SaveConnexionRequest:
    """A request to save *compte*."""
    told = {
        "flow_url": compte.flow_url,
        "directory_url": compte.directory_url,
        "token_url": compte.token_url,
        "client_id": compte.client_id,
        "client_secret": compte.client_secret,
        "organisation": compte.organisation,
    }
    return pb.SaveConnexionRequest(**(told | fields))
