"""The gateway as data: its parts. Start reading here."""

from service_kit import Edge

from gateway.gateway import NAME, Gateway
from gateway.policies import JWKS
from gateway.settings import PORT, GatewaySettings

GATEWAY = Edge(NAME, PORT, GatewaySettings, Gateway, keys_path=JWKS)
