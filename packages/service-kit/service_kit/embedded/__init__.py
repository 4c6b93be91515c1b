"""PostgreSQL and nats-server from their wheels, run as child processes under one folder.

For `crm up` and the tests; production points DATABASE_URL and NATS_URL elsewhere. The
servers end with the process that started them, also when that one is killed.
"""

from service_kit.embedded.broker import EmbeddedNats
from service_kit.embedded.ports import free_port, port_comes_free, port_is_free
from service_kit.embedded.postgres import EmbeddedPostgres
from service_kit.embedded.server import EmbeddedError, Server, ending_with_us

__all__ = [
    "EmbeddedError",
    "EmbeddedNats",
    "EmbeddedPostgres",
    "Server",
    "ending_with_us",
    "free_port",
    "port_comes_free",
    "port_is_free",
]
