"""Serves one of the two services until SIGTERM, as `crm serve` does."""

import sys

from service_kit import serve

from tests.temoin.service import ARCHIVE, TEMOIN

SERVICES = {service.name: service for service in (TEMOIN, ARCHIVE)}

serve([SERVICES[sys.argv[1]]], {name: service.port for name, service in SERVICES.items()})
