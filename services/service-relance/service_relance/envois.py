"""Sending for reminders that go together: the content is fixed first (R17), then it is sent (R18).

Two transactions. The first one keeps the whole requests as commands; whatever happens after it, a
repetition is word for word the same, and the callees take it for the first by its key. The second
one holds the reminders while it sends, so that they are either carried out or cancelled.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from db_utils import Reader, Transaction, clock, failpoint
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from grpc_utils import failure_of
from service_kit import App
from service_kit.outgoing import (
    ABANDONNEE,
    CRITIQUE,
    EN_ATTENTE,
    ENVOYEE,
    CommandeSortante,
    alert,
    queue,
    request_of,
)
from sqlalchemy import String, Text, Uuid, any_, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import ARRAY

from service_relance.canaux import CANAUX, Canal, is_mail
from service_relance.contenus import KEYS, Contenu, key_of, same_demand
from service_relance.decisions import Group
from service_relance.historique import line
from service_relance.models import ECHEC, EXECUTEE, PLANIFIEE, SUCCES, Envoi, Relance
from service_relance.verification import SILENT

_log = logging.getLogger(__name__)

_MOST_FAILURES: Final = 5  # R18
_LONGEST_ERROR: Final = 200
# Locked against other runs and cancellations; what another one holds is left to it.
_PLANNED = (
    select(Relance)
    .where(Relance.id == any_(bindparam("ids", type_=ARRAY(Uuid))), Relance.statut == PLANIFIEE)
    .order_by(Relance.id)
    .with_for_update(skip_locked=True)
)
_COMMANDS = (
    select(CommandeSortante)
    .where(CommandeSortante.cle == bindparam("cle", type_=String))
    .where(CommandeSortante.type == any_(bindparam("types", type_=ARRAY(String))))
)
_TYPES = [canal.command.name for canal in CANAUX]
_owed = select(Relance.id).where(Relance.envoi_id == Envoi.id, Relance.statut == PLANIFIEE).exists()
_ORPHANS = (
    select(CommandeSortante, Envoi)
    .join(Envoi, CommandeSortante.cle == func.concat(KEYS, cast(Envoi.id, Text)))
    .where(CommandeSortante.type == any_(bindparam("types", type_=ARRAY(String))))
    .where(CommandeSortante.organisation_id == Envoi.organisation_id)
    .where(CommandeSortante.etat == EN_ATTENTE, ~_owed)
)


async def planned(tx: Transaction, relances: Sequence[Relance]) -> list[Relance]:
    """Those of *relances* that are planned still and that nobody else holds, locked and read again."""
    return await tx.all(_PLANNED, ids=[relance.id for relance in relances])


async def commands_of(reader: Reader, envoi_id: UUID) -> dict[str, CommandeSortante]:
    """Commands for one `Envoi`, by the name of their kind."""
    rows = await reader.all(_COMMANDS, cle=key_of(envoi_id), types=_TYPES)
    return {row.type: row for row in rows}


async def fix(
    app: App[Any], group: Group, contenu: Contenu, requests: Sequence[tuple[Canal[Any], Message]]
) -> bool:
    """Keep *requests* for *group* before the first call; False when a reminder is planned no more.

    What a former run has fixed stays as it is, unless it asks for what is not owed any more.
    """
    async with app.database.transaction() as tx:
        relances = await planned(tx, group.relances)
        if len(relances) < len(group.relances):
            return False
        known = await commands_of(tx, group.envoi_id)
        envoi, anew = await _worded(tx, group, contenu, [known.get(one.command.name) for one, _ in requests])
        await _owe(tx, envoi, requests, known, anew=anew)
        for relance in relances:
            await tx.update(relance, envoi_id=envoi.id)
    return True


async def _worded(
    tx: Transaction, group: Group, contenu: Contenu, former: Sequence[CommandeSortante | None]
) -> tuple[Envoi, bool]:
    """The `Envoi` of *group*, and whether it says *contenu* from now on, instead of what it said before.

    It does when other sums are owed, or after it was given up, but not once a part of it has been sent.
    """
    envoi = await tx.get(Envoi, group.envoi_id, lock=True)
    if envoi is None:
        first = group.first
        new = Envoi(
            id=group.envoi_id,
            organisation_id=first.organisation_id,
            client_id=first.client_id,
            contenu=dict(contenu),
        )
        return await tx.insert(new), True
    etats = {command.etat for command in former if command is not None}
    other = ABANDONNEE in etats or not same_demand(envoi.contenu, contenu)
    anew = not envoi.contenu or (ENVOYEE not in etats and other)
    if anew:
        await tx.update(envoi, contenu=dict(contenu))
    return envoi, anew


async def drop_orphans(app: App[Any]) -> None:
    """End what was fixed for reminders that were cancelled or ignored since: nobody will send it."""
    async with app.database.transaction() as tx:
        orphans = await tx.all(_ORPHANS, types=_TYPES)
        for command, _ in orphans:
            await tx.update(command, etat=ABANDONNEE, charge={}, terminee_le=clock.now())
        for envoi in {envoi.id: envoi for _, envoi in orphans}.values():
            await _forget(tx, envoi)


async def _forget(tx: Transaction, envoi: Envoi) -> None:
    """Empty *envoi*, which is over: what was sent stands in the history."""
    await tx.update(envoi, contenu={})


async def _owe(
    tx: Transaction,
    envoi: Envoi,
    requests: Sequence[tuple[Canal[Any], Message]],
    known: Mapping[str, CommandeSortante],
    *,
    anew: bool,
) -> None:
    """Keep *requests*; one that was answered before stays answered, one that is not wanted any more ends."""
    wanted = {canal.command.name for canal, _ in requests}
    for name, command in known.items():
        if name not in wanted and command.etat == EN_ATTENTE:
            await tx.update(command, etat=ABANDONNEE, charge={}, terminee_le=clock.now())
    for canal, request in requests:
        former = known.get(canal.command.name)
        if former is None:
            await queue(
                tx, canal.command, request, key=key_of(envoi.id), organisation_id=envoi.organisation_id
            )
        elif former.etat == ABANDONNEE or (anew and former.etat == EN_ATTENTE):
            charge = MessageToDict(request, preserving_proto_field_name=True)
            await tx.update(former, charge=charge, etat=EN_ATTENTE, terminee_le=None)


async def send(app: App[Any], group: Group) -> str | None:
    """Send what was fixed for *group*: "" when it was carried out, the error when it failed (R18).

    None when a reminder of it is planned no more: nothing was sent.
    """
    async with app.database.transaction() as tx:
        relances = await planned(tx, group.relances)
        envoi = await tx.get(Envoi, group.envoi_id, lock=True)
        if envoi is None or len(relances) < len(group.relances):
            return None
        for name, command in sorted((await commands_of(tx, envoi.id)).items()):
            canal = next(one for one in CANAUX if one.command.name == name)
            if command.etat != EN_ATTENTE:
                continue
            try:
                reference = await canal.envoyer(app.peers, request_of(canal.command, command))
            except SILENT as error:
                erreur = str(failure_of(error))
                await _failed(tx, envoi, relances, command, erreur)
                return erreur
            failpoint("relance.before_done")
            await _sent(tx, envoi, canal, command, reference)
        await _executed(tx, envoi, relances)
    return ""


async def _sent(
    tx: Transaction, envoi: Envoi, canal: Canal[Any], command: CommandeSortante, reference: str
) -> None:
    now = clock.now()
    await tx.update(
        command, etat=ENVOYEE, tentatives=command.tentatives + 1, charge={}, erreur="", terminee_le=now
    )
    made: dict[str, Any] = {canal.reference: reference} if reference else {}
    await tx.update(envoi, **made, mail_le=now if is_mail(canal) else envoi.mail_le)


async def _executed(tx: Transaction, envoi: Envoi, relances: Sequence[Relance]) -> None:
    for relance in relances:
        await tx.update(relance, statut=EXECUTEE, executee_le=clock.now(), motif=None)
        await tx.insert(line(relance, SUCCES, envoi))
        _log.info("reminder %s was carried out", relance.id)
    await _forget(tx, envoi)


async def _failed(
    tx: Transaction, envoi: Envoi, relances: Sequence[Relance], command: CommandeSortante, erreur: str
) -> None:
    """Have *relances* wait for the next hour, or end after five failures (R18)."""
    _log.warning("reminders of %s wait: %s %s", envoi.id, command.type, erreur)
    ended = False
    for relance in relances:
        tentatives = relance.tentatives + 1
        statut = ECHEC if tentatives >= _MOST_FAILURES else PLANIFIEE
        await tx.update(relance, tentatives=tentatives, statut=statut)
        if statut == ECHEC:
            ended = True
            await tx.insert(line(relance, ECHEC, envoi, erreur))
            await _tell_finance(tx, relance, erreur)
    if ended:
        await _forget(tx, envoi)
    end: dict[str, Any] = {"etat": ABANDONNEE, "charge": {}, "terminee_le": clock.now()} if ended else {}
    await tx.update(
        command,
        tentatives=command.tentatives + 1,
        prochain_essai=next_hour(),
        erreur=erreur[:_LONGEST_ERROR],
        **end,
    )


def next_hour() -> datetime:
    """The full hour after now: what failed waits for it (R18)."""
    return clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


async def _tell_finance(tx: Transaction, relance: Relance, erreur: str) -> None:
    """Owe the finance team one notification that *relance* was given up (R18)."""
    await alert(
        tx,
        relance.organisation_id,
        f"relance-echec:{relance.id}:{relance.version}",
        niveau=CRITIQUE,
        titre="Relance en échec",
        message=f"Une relance {relance.declencheur} de niveau {relance.niveau} n'a pas pu être exécutée "
        f"après {_MOST_FAILURES} tentatives : {erreur}.",
        metadata={"relance_id": str(relance.id), "client_id": relance.client_id},
    )
