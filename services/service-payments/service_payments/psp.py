"""Port to payment providers: who takes the debits of a société to the bank, and reads its answers.

SEPA_FILE writes files and is the only adapter here. Another one is a class in `GATEWAYS`.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from grpc_utils.errors import FailedPrecondition

from service_payments import pain008
from service_payments.pain008 import Beneficiaire, Debit, Fichier

SEPA_FILE: Final = "SEPA_FILE"
# Names that a creditor may hold; those without an adapter are refused where they are chosen.
PROVIDERS: Final = (SEPA_FILE, "STRIPE", "GOCARDLESS", "SLIMPAY", "PAYPAL")


class PrestataireNonConfigure(FailedPrecondition):
    """Prestataire non configuré : seul SEPA_FILE, le fichier SEPA, est disponible."""


class PspGateway(Protocol):
    """What the service wants of a provider."""

    @property
    def name(self) -> str:
        """Name under which creditors choose it."""

    def submit(
        self,
        msg_id: str,
        created: datetime,
        schema: str,
        beneficiaire: Beneficiaire,
        debits: Sequence[Debit],
    ) -> Fichier:
        """Hand *debits* over; the same values always give the same file."""


class SepaFile:
    """Files of pain.008.001.08, which people or a bank's channel fetch."""

    name = SEPA_FILE

    def submit(
        self,
        msg_id: str,
        created: datetime,
        schema: str,
        beneficiaire: Beneficiaire,
        debits: Sequence[Debit],
    ) -> Fichier:
        """Write the file; nothing leaves this process."""
        return pain008.write(msg_id, created, schema, beneficiaire, debits)


GATEWAYS: Final[Mapping[str, PspGateway]] = {SEPA_FILE: SepaFile()}


def gateway(provider: str) -> PspGateway:
    """Return the adapter of *provider*. Raises PrestataireNonConfigure."""
    if provider not in GATEWAYS:
        raise PrestataireNonConfigure(champ="provider")
    return GATEWAYS[provider]
