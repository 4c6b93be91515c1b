"""Outcomes of attempts to deliver (R10), as pure functions of a message and of what the server said."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from db_utils import clock

from service_email.models import ECHEC, EN_FILE, ENVOYE, Message
from service_email.transports import DeliveryFailure, Receipt

WAITS: Final = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
)  # after each failed attempt but the last (R10)
_LONGEST = 500  # characters of derniere_erreur
MOST_ATTEMPTS: Final = len(WAITS) + 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt: the new values of its message, and the reply that the journal keeps."""

    statut: str
    code_smtp: int | None
    reponse: str
    derniere_erreur: str | None = None
    prochain_essai: datetime | None = None
    envoye_le: datetime | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the message that the outcome changes."""
        return {
            "statut": self.statut,
            "derniere_erreur": self.derniere_erreur,
            "prochain_essai": self.prochain_essai,
            "envoye_le": self.envoye_le,
        }


def delivered(receipt: Receipt, remark: str = "") -> Outcome:
    """The outcome when the server has accepted the mail, for all or some of its recipients.

    *remark* says what the mail lacks.
    """
    return Outcome(
        ENVOYE,
        receipt.code,
        receipt.reply,
        derniere_erreur="; ".join(filter(None, (remark, receipt.refused)))[:_LONGEST] or None,
        envoye_le=clock.now(),
    )


def failed(message: Message, failure: DeliveryFailure) -> Outcome:
    """The outcome when nobody has got the mail: another attempt later, or the end."""
    if failure.permanent or message.tentatives >= MOST_ATTEMPTS:
        return Outcome(ECHEC, failure.code, failure.reply, derniere_erreur=failure.reply)
    return Outcome(
        EN_FILE,
        failure.code,
        failure.reply,
        derniere_erreur=failure.reply,
        prochain_essai=clock.now() + WAITS[message.tentatives - 1],
    )
