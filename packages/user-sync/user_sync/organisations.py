"""Organisations whose people were met here: their activity, and the hook that opens them (S19, S20)."""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from db_utils import Database, DatabaseUnavailable, Transaction, clock
from sqlalchemy import String, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from user_sync.models import A_FAIRE, ECHEC, FAIT, OrganisationLocale, UtilisateurLocal

_log = logging.getLogger(__name__)

PremiereConnexion = Callable[[Transaction, str, UtilisateurLocal], Awaitable[None]]
"""The hook of a service, run once for each organisation: writes rows, and touches nothing else."""

_AT_ONCE: Final = 100  # organisations of one run of the job
_organisation = bindparam("organisation_id", type_=String)
_instant = bindparam("instant", type_=OrganisationLocale.last_activity_at.type)
# The row stays locked until the transaction ends, so that one of many newcomers runs the hook.
_ENTER = (
    insert(OrganisationLocale)
    .values(organisation_id=_organisation, last_activity_at=_instant, initialisation_etat=A_FAIRE)
    .on_conflict_do_update(
        index_elements=["organisation_id"],
        set_={"last_activity_at": func.greatest(OrganisationLocale.last_activity_at, _instant)},
    )
    .returning(OrganisationLocale)
)
_UNFINISHED = (
    select(OrganisationLocale.organisation_id)
    .where(OrganisationLocale.initialisation_etat != FAIT)
    .order_by(OrganisationLocale.organisation_id)
    .limit(_AT_ONCE)
)
_FIRST_USER = (
    select(UtilisateurLocal)
    .where(UtilisateurLocal.organisation_id == _organisation)
    .order_by(UtilisateurLocal.created_at, UtilisateurLocal.id)
    .limit(1)
)


class Accueil:
    """Reception of organisations; *hook* makes what each of them needs from the start."""

    def __init__(self, hook: PremiereConnexion | None) -> None:
        self._hook = hook

    async def enter(
        self,
        tx: Transaction,
        user: UtilisateurLocal,
        organisation_id: str,
        instant: datetime,
        *,
        first: bool = False,
    ) -> None:
        """Note that *user* was active at *instant*; run the hook if his organisation is new here.

        After a failure of the hook, a person's *first* sign-in anywhere runs it again. A failing hook keeps
        nobody out.
        """
        organisation = await tx.one(_ENTER, organisation_id=organisation_id, instant=instant)
        assert organisation is not None
        etat = organisation.initialisation_etat
        if etat == A_FAIRE or (etat == ECHEC and first):
            await self._open(tx, organisation, user)

    async def finish(self, database: Database) -> None:
        """Run the hook again for up to 100 organisations where it has failed (a job)."""
        for organisation_id in await database.read().all(_UNFINISHED):
            async with database.transaction() as tx:
                organisation = await tx.get(OrganisationLocale, organisation_id, lock=True)
                user = await tx.one(_FIRST_USER, organisation_id=organisation_id)
                if organisation and user and organisation.initialisation_etat != FAIT:
                    await self._open(tx, organisation, user)

    async def _open(self, tx: Transaction, organisation: OrganisationLocale, user: UtilisateurLocal) -> None:
        """Run the hook in a savepoint of *tx*, and note whether it succeeded."""
        try:
            if self._hook is not None:
                async with tx.part():
                    await self._hook(tx, organisation.organisation_id, user)
        except DatabaseUnavailable:
            raise
        except Exception as error:  # whatever it is, it keeps nobody from signing in (S20)
            _log.error("the account of a new organisation was not made, trying again", exc_info=error)
            await tx.update(organisation, initialisation_etat=ECHEC)
        else:
            await tx.update(organisation, initialisation_etat=FAIT, initialisee_le=clock.now())
