"""What people do to stored messages: send them again, cancel them (R11); as pure functions."""

from typing import Any

from db_utils import clock
from grpc_utils.errors import FailedPrecondition, TransitionInterdite

from service_email.models import ANNULE, ECHEC, EN_FILE, Message


class ContenuEfface(FailedPrecondition):
    """Le contenu de ce message a été effacé ; il ne peut plus être envoyé."""


def sent_again(message: Message) -> dict[str, Any]:
    """The columns of *message* when it is to be sent again. Raises TransitionInterdite, ContenuEfface."""
    _from(message, (ECHEC, ANNULE), EN_FILE)
    if message.corps_texte is None and message.corps_html is None:
        raise ContenuEfface
    return {
        "statut": EN_FILE,
        "essais_anterieurs": message.essais_anterieurs + message.tentatives,
        "tentatives": 0,
        "prochain_essai": clock.now(),
        "derniere_erreur": None,
    }


def cancelled(message: Message) -> dict[str, Any]:
    """The columns of *message* when it is not to be sent any more. Raises TransitionInterdite."""
    _from(message, (EN_FILE,), ANNULE)
    return {"statut": ANNULE, "prochain_essai": None}


def _from(message: Message, allowed: tuple[str, ...], vers: str) -> None:
    if message.statut not in allowed:
        raise TransitionInterdite(de=message.statut, vers=vers)
