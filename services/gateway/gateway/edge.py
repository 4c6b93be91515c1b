"""The gateway as data: what it is made of. Start reading here."""

from service_kit import Edge

from gateway.gateway import Gateway
from gateway.policies import JWKS
from gateway.settings import PORT, GatewaySettings

GATEWAY = Edge(name="gateway", port=PORT, settings=GatewaySettings, make=Gateway, keys_path=JWKS)
