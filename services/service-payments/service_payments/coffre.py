"""The bank accounts in the tables (C15): sealed and opened here and nowhere else.

An account is opened to write a file for the bank, and to see whether two are the same. Nothing else
needs it: people see `iban_masque`.
"""

from uuid import UUID

from service_kit import App

from service_payments.sepa_models import Creancier, Mandat
from service_payments.settings import PaymentsSettings


class Coffre:
    """Seals the accounts of a process; made once for it with `app.part(Coffre)`."""

    def __init__(self, app: App[PaymentsSettings]) -> None:
        self._envelope = app.settings.envelope()

    def seal_mandat(self, iban: str, mandat_id: UUID) -> str:
        """Seal the account of a debtor for the row of its mandate."""
        return self._envelope.seal(iban, _place(Mandat, mandat_id))

    def seal_creancier(self, iban: str, creancier_id: UUID) -> str:
        """Seal the account of a société for the row of its creditor."""
        return self._envelope.seal(iban, _place(Creancier, creancier_id))

    def open(self, row: Mandat | Creancier) -> str:
        """Return the account of *row*, empty without one. Raises Undecipherable."""
        return self._envelope.open(row.iban_chiffre, _place(type(row), row.id)) if row.iban_chiffre else ""


def _place(model: type[Mandat | Creancier], row_id: UUID) -> str:
    return f"payments.{model.__tablename__}.iban_chiffre:{row_id}"
