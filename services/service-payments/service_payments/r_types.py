"""Kind of a return (R19): REJET before the settlement, RETOUR by a bank, REMBOURSEMENT by the debtor."""

from datetime import date
from typing import Final

from service_payments.models import REJET, REMBOURSEMENT, RETOUR
from service_payments.sepa_models import B2B

NOT_AUTHORISED: Final = "MD01"
REFUND_ASKED: Final = "MD06"
RETURN_DAYS: Final = 5  # banking days after the debit in which a bank sends it back by itself (CORE)


def kind(code: str, schema: str, day: date, due: date | None, last_return: date | None) -> str:
    """Return the kind of a refusal on *day* of a debit that was *due*.

    *last_return* is the last day on which a bank sends a debit back by itself. A B2B mandate gives no
    right to a refund.
    """
    if due is not None and day < due:
        return REJET
    if schema != B2B:
        if code == REFUND_ASKED:
            return REMBOURSEMENT
        if code == NOT_AUTHORISED and last_return is not None and day > last_return:
            return REMBOURSEMENT
    return RETOUR
