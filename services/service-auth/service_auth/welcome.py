"""Welcome mails owed to new users: email is asked until it has accepted them (R20)."""

import logging
from datetime import timedelta
from typing import Any

import grpc
from crm.email.email_pb2 import SendWelcomeRequest
from crm.email.email_pb2_grpc import EmailServiceStub
from crm.users.users_pb2 import Utilisateur
from db_utils import clock
from grpc_utils.errors import Refusal, Unavailable
from service_kit import App, Worker
from sqlalchemy import bindparam, select

from service_auth.accounts import Accounts
from service_auth.models import BienvenueAEnvoyer
from service_auth.refusals import IdentifiantsInvalides
from service_auth.settings import AuthSettings

_log = logging.getLogger(__name__)

WAITS = (timedelta(seconds=30), timedelta(minutes=5), timedelta(hours=1))  # R20
_BATCH = 100
_PLACEHOLDER = "User"  # first name that users gives to a nameless account; the last is part of the address
_DUE = (
    select(BienvenueAEnvoyer)
    .where(BienvenueAEnvoyer.prochain_essai <= bindparam("now", type_=BienvenueAEnvoyer.prochain_essai.type))
    .order_by(BienvenueAEnvoyer.prochain_essai)
    .limit(_BATCH)
)


async def welcome(app: App[AuthSettings]) -> None:
    """Ask email for every welcome mail that is due, 100 at most in one run."""
    accounts, emails = Accounts(app.peers), app.peers.stub(EmailServiceStub)
    for row in await app.database.read().all(_DUE, now=clock.now()):
        try:
            person = await accounts.known(row.utilisateur_id)
            await emails.SendWelcome(welcome_request(person))
        except IdentifiantsInvalides:
            _log.info("a welcome mail is not owed any more: the account of %s is closed", row.utilisateur_id)
            await _note(app, row)
        except (Unavailable, grpc.aio.AioRpcError) as error:
            await _postpone(app, row, error)
        else:
            await _note(app, row, envoye_le=clock.now())


async def _postpone(app: App[AuthSettings], row: BienvenueAEnvoyer, error: Exception) -> None:
    reason = error.reason if isinstance(error, Refusal) else type(error).__name__
    if row.tentatives >= len(WAITS):
        _log.error("the welcome mail of user %s is given up: %s", row.utilisateur_id, reason)
        await _note(app, row)
        return
    _log.warning("the welcome mail of user %s waits: %s", row.utilisateur_id, reason)
    await _note(app, row, prochain_essai=clock.now() + WAITS[row.tentatives])


async def _note(app: App[AuthSettings], row: BienvenueAEnvoyer, **changes: Any) -> None:
    """Record one attempt; it is the last one unless *changes* hold a *prochain_essai*."""
    async with app.database.transaction() as tx:
        await tx.update(row, tentatives=row.tentatives + 1, **{"prochain_essai": None, **changes})


def welcome_request(person: Utilisateur) -> SendWelcomeRequest:
    """The mail for *person*, with empty names where users has put its placeholder (users R3)."""
    known = person.prenom != _PLACEHOLDER
    return SendWelcomeRequest(
        utilisateur_id=person.id,
        email=person.email,
        prenom=person.prenom if known else "",
        nom=person.nom if known else "",
    )


WELCOME = Worker("welcome", welcome, every=timedelta(seconds=10), wake_on=BienvenueAEnvoyer)
