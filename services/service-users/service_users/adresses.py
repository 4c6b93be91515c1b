"""Addresses that wait for their proof (R29), until the link mailed to them comes back."""

import hashlib
import hmac
import logging
import math
import secrets
from datetime import timedelta
from typing import Any
from uuid import UUID

from db_utils import Transaction, clock
from grpc_utils import found
from grpc_utils.errors import ExisteDeja, FailedPrecondition, TropDeRequetes
from sqlalchemy import LargeBinary, String, Uuid, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert

from service_users import conflits, journal, lookups, outgoing
from service_users.models import EMAIL_TAKEN, ConfirmationEmail, Evenement, Utilisateur
from service_users.settings import UsersSettings

_log = logging.getLogger(__name__)

_TOKEN = 32  # bytes
_GOOD_FOR = timedelta(hours=24)
_MOST, _WITHIN = 5, timedelta(hours=24)  # links of one account (R29): nobody is flooded with mails
_ASKED = "adresse_a_confirmer"

_utilisateur_id = bindparam("utilisateur_id", type_=Uuid)
_new = {
    "email": bindparam("email", type_=String),
    "jeton_hash": bindparam("jeton_hash", type_=LargeBinary),
    "expire_le": bindparam("expire_le", type_=ConfirmationEmail.expire_le.type),
    "created_at": bindparam("created_at", type_=ConfirmationEmail.created_at.type),
}
_REPLACE = (
    insert(ConfirmationEmail)
    .values(utilisateur_id=_utilisateur_id, **_new)
    .on_conflict_do_update(index_elements=["utilisateur_id"], set_=_new)
)
_CANCEL = delete(ConfirmationEmail).where(ConfirmationEmail.utilisateur_id == _utilisateur_id)
# Counted in the journal: a link that was replaced leaves no row of its own.
_LATELY = (
    select(Evenement.created_at)
    .where(
        Evenement.utilisateur_id == _utilisateur_id,
        Evenement.evenement == _ASKED,
        Evenement.created_at > bindparam("since", type_=Evenement.created_at.type),
    )
    .order_by(Evenement.created_at.desc())
    .limit(_MOST)
)


class LienExpire(FailedPrecondition):
    """Le lien de confirmation a expiré ; demandez-en un autre."""


def hashed(jeton: str) -> bytes:
    """Return the SHA-256 of a token, which is all that is kept of it."""
    return hashlib.sha256(jeton.encode()).digest()


async def cancel(tx: Transaction, utilisateur_id: UUID) -> dict[str, Any]:
    """Make the user's link void; return the columns that this changes of him."""
    await tx.execute(_CANCEL, utilisateur_id=utilisateur_id)
    return {"email_en_attente": None}


class Adresses:
    """Changes of addresses of locked accounts, wished by people or told by providers."""

    def __init__(self, settings: UsersSettings) -> None:
        self._envelope = settings.envelope()

    async def asked(self, tx: Transaction, utilisateur: Utilisateur, email: str) -> dict[str, Any]:
        """Return the columns that the wish of *utilisateur* for *email* changes; mail its link.

        Raises ExisteDeja when the address is another account's, TropDeRequetes beyond five links a day.
        """
        if email == utilisateur.email:
            changed = await cancel(tx, utilisateur.id)
            if not utilisateur.email_verifie:
                await self._send_link(tx, utilisateur, email)
            return changed
        if await lookups.by_email(tx, email) is not None:
            raise ExisteDeja(contrainte=EMAIL_TAKEN)
        await self._send_link(tx, utilisateur, email)
        return {"email_en_attente": email}

    async def told(self, tx: Transaction, utilisateur: Utilisateur, email: str) -> dict[str, Any]:
        """Return the columns that a free address changes which a source tells without vouching for it.

        Mails one link per address, however often it is told. Over the limit of links nothing changes: a
        refusal would keep the person from signing in.
        """
        if email == utilisateur.email_en_attente:
            return {}
        try:
            await self._send_link(tx, utilisateur, email)
        except TropDeRequetes:
            _log.warning("user %s is told of too many new addresses", utilisateur.id)
            return {}
        return {"email_en_attente": email}

    async def confirm(self, tx: Transaction, utilisateur: Utilisateur, jeton_hash: bytes) -> bool:
        """Give *utilisateur* the address that his link proves; False if another account has it by now.

        Raises Introuvable, LienExpire.
        """
        confirmation = found(await tx.get(ConfirmationEmail, utilisateur.id))
        if not hmac.compare_digest(bytes(confirmation.jeton_hash), jeton_hash):
            found(None)
        if confirmation.expire_le <= clock.now():
            raise LienExpire
        changed = await cancel(tx, utilisateur.id)
        owner = await lookups.by_email(tx, confirmation.email)
        if owner is not None and owner.id != utilisateur.id:
            await tx.update(utilisateur, **changed)
            return False
        former = utilisateur.email
        await tx.update(utilisateur, email=confirmation.email, email_verifie=True, **changed)
        await journal.note(tx, "adresse_confirmee", utilisateur.id)
        if former != utilisateur.email:
            await conflits.release(tx, former)
        return True

    async def _send_link(self, tx: Transaction, utilisateur: Utilisateur, email: str) -> None:
        """Mail a link to *email*, which replaces any former one, and a notice to the present address."""
        await _check_rhythm(tx, utilisateur)
        now, jeton = clock.now(), secrets.token_urlsafe(_TOKEN)
        expire_le = now + _GOOD_FOR
        await tx.execute(
            _REPLACE,
            utilisateur_id=utilisateur.id,
            email=email,
            jeton_hash=hashed(jeton),
            expire_le=expire_le,
            created_at=now,
        )
        await journal.note(tx, _ASKED, utilisateur.id)
        confirmation, changement = outgoing.CONFIRMATION_ADRESSE, outgoing.CHANGEMENT_ADRESSE
        seal = self._envelope
        await outgoing.mail(tx, seal, confirmation, utilisateur, email, jeton=jeton, expire_le=expire_le)
        if email != utilisateur.email:
            present = utilisateur.email
            await outgoing.mail(tx, seal, changement, utilisateur, present, nouvelle_adresse=email)


async def _check_rhythm(tx: Transaction, utilisateur: Utilisateur) -> None:
    now = clock.now()
    lately = await tx.all(_LATELY, utilisateur_id=utilisateur.id, since=now - _WITHIN)
    if len(lately) >= _MOST:
        wait = lately[-1] + _WITHIN - now
        raise TropDeRequetes(retry_after_s=str(math.ceil(wait.total_seconds())))
