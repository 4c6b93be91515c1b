"""One client's reminders in a run: checked, ordered, grouped, sent (R11 to R18)."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from db_utils import clock, failpoint
from service_kit import App
from sqlalchemy import String, any_, bindparam, select
from sqlalchemy.dialects.postgresql import ARRAY

from service_relance import contenus, debits, envois, renseignements
from service_relance.calendrier import eligible, plus_business_days
from service_relance.canaux import TACHE, Canal, canaux_of, is_mail
from service_relance.decisions import Group, Move, grouped, in_order, one_mail
from service_relance.historique import line
from service_relance.models import ECHEC, EXECUTEE, IGNORE, IGNOREE, IMPAYE, Envoi, RegleRelance, Relance
from service_relance.rules import DAYS_FOR_A_TASK
from service_relance.verification import (
    CLIENTS_MUET,
    FACTURES_MUET,
    SILENT,
    Verdict,
    invoices_of,
    verified,
)

_log = logging.getLogger(__name__)

REPORTEE: Final = "REPORTEE"  # resultat, besides those that are statuts, too
DEPENDANCE_MUETTE, PLUS_PLANIFIEE = "DEPENDANCE_INDISPONIBLE", "PLUS_PLANIFIEE"  # motifs to wait
SILENCES: Final = (DEPENDANCE_MUETTE, CLIENTS_MUET, FACTURES_MUET)  # of them, a service that was away
HEURE_SUIVANTE, REGLE_SUPPRIMEE = "HEURE_SUIVANTE", "REGLE_SUPPRIMEE"
# A call about a rejected debit is about an invoice, too, but no level of it.
_SIBLINGS = select(Relance).where(
    Relance.facture_id == any_(bindparam("factures", type_=ARRAY(String))), Relance.declencheur == IMPAYE
)
_WRITTEN = (
    select(Envoi.id)
    .where(Envoi.client_id == bindparam("client_id", type_=String))
    .where(Envoi.mail_le >= bindparam("du", type_=Envoi.mail_le.type))
    .where(Envoi.mail_le < bindparam("au", type_=Envoi.mail_le.type))
    .limit(1)
)


@dataclass(frozen=True, slots=True)
class Passage:
    """A run over what is planned until *jour*.

    With *dry_run* it only tells what it would do; a *patient* one leaves what failed to the next hour.
    """

    jour: date
    dry_run: bool = False
    patient: bool = False

    @property
    def today(self) -> date:
        """The day of the run; a day to come only for a dry one."""
        return max(self.jour, clock.today())


@dataclass(frozen=True, slots=True)
class Resultat:
    """What became of a reminder in a run: *resultat* is one of EXECUTEE, ECHEC, IGNOREE and REPORTEE."""

    relance_id: UUID
    resultat: str
    motif: str = ""


def waits(relance: Relance, motif: str) -> Resultat:
    """Result of a reminder that is left for later because of *motif*."""
    return Resultat(relance.id, REPORTEE, motif)


async def carry_out(
    app: App[Any], passage: Passage, client_id: str, due: Sequence[Relance]
) -> list[Resultat]:
    """Carry out *due*, all of the client *client_id*; what became of each."""
    verdict = await verified(app, client_id, due)
    results = [waits(relance, motif) for relance, motif in verdict.waiting]
    results += await _ignore(app, passage, verdict.ignored)
    siblings = await app.database.read().all(_SIBLINGS, factures=invoices_of(verdict.ready))
    ready, moves = in_order(verdict.ready, siblings, passage.today)
    held = await debits.held_up(app, ready, passage.today, dry_run=passage.dry_run)
    results += [waits(relance, motif) for relance, motif in held.items()]
    ready = [relance for relance in ready if relance not in held]
    client = _Client(app, passage, verdict, siblings)
    plans, orphans = await client.plans(grouped(ready))
    results += await _ignore(app, passage, [(one, REGLE_SUPPRIMEE) for one in orphans])
    kept, put_off = await client.written_to_once(client_id, plans)
    results += await _move(app, passage, [*moves, *put_off])
    for plan in kept:
        results += await client.carry_out(plan)
    return results


async def _ignore(app: App[Any], passage: Passage, ignored: Sequence[tuple[Relance, str]]) -> list[Resultat]:
    """End reminders that have lost their reason (R11)."""
    motifs = {relance.id: motif for relance, motif in ignored}
    if not passage.dry_run and ignored:
        async with app.database.transaction() as tx:
            for relance in await envois.planned(tx, [relance for relance, _ in ignored]):
                motif = motifs[relance.id]
                await tx.update(relance, statut=IGNOREE, motif=motif)
                await tx.insert(line(relance, IGNORE, erreur=motif))
                _log.info("reminder %s is ignored: %s", relance.id, motif)
    return [Resultat(relance_id, IGNOREE, motif) for relance_id, motif in motifs.items()]


async def _move(app: App[Any], passage: Passage, moves: Sequence[Move]) -> list[Resultat]:
    """Give reminders another day (R13, R15), which the calendar confirms."""
    if not passage.dry_run:
        for move in moves:
            day = await eligible(app, move.relance.societe_id, move.not_before)
            async with app.database.transaction() as tx:
                for relance in await envois.planned(tx, [move.relance]):
                    await tx.update(
                        relance, date_prevue=day.date, a_recalculer=day.a_recalculer, motif=move.motif
                    )
    return [waits(move.relance, move.motif) for move in moves]


@dataclass(frozen=True, slots=True)
class _Plan:
    """A group, its rule and the ways that it takes; *written* when its mail has gone out before."""

    group: Group
    regle: RegleRelance
    canaux: Sequence[Canal[Any]]
    written: bool

    @property
    def writes(self) -> bool:
        return any(map(is_mail, self.canaux)) and not self.written


@dataclass(frozen=True, slots=True)
class _Client:
    """The client of a run, with all that is known of his reminders."""

    app: App[Any]
    passage: Passage
    verdict: Verdict
    siblings: Sequence[Relance]

    async def plans(self, groups: Sequence[Group]) -> tuple[list[_Plan], list[Relance]]:
        """Plans for *groups*, and the reminders whose rule was deleted since."""
        plans, orphans = list[_Plan](), list[Relance]()
        email = self.verdict.client.email if self.verdict.client else ""
        reader = self.app.database.read()
        for group in groups:
            regle = await reader.get(RegleRelance, max(relance.regle_id for relance in group.relances))
            if regle is None:
                orphans += group.relances
                continue
            envoi = await reader.get(Envoi, group.envoi_id) if group.pending else None
            written = envoi is not None and envoi.mail_le is not None
            plans.append(_Plan(group, regle, canaux_of(regle, email=email), written))
        return plans, orphans

    async def written_to_once(self, client_id: str, plans: Sequence[_Plan]) -> tuple[list[_Plan], list[Move]]:
        """What of *plans* goes today, and what waits because the client is written to once a day (R15)."""
        if not any(plan.writes for plan in plans):
            return list(plans), []
        today = clock.midnight(self.passage.today)
        written = await self.app.database.read().one(
            _WRITTEN, client_id=client_id, du=today, au=clock.midnight(self.passage.today + timedelta(days=1))
        )
        groups, moves = one_mail(
            [plan.group for plan in plans],
            [plan.group for plan in plans if plan.writes],
            written_today=written is not None,
            today=self.passage.today,
        )
        return [plan for plan in plans if plan.group in groups], moves

    async def carry_out(self, plan: _Plan) -> list[Resultat]:
        """Fix what is to be said for *plan* and send it; what became of its reminders."""
        resultat, motif = await self._outcome(plan)
        return [Resultat(relance.id, resultat, motif) for relance in plan.group.relances]

    async def _outcome(self, plan: _Plan) -> tuple[str, str]:
        if self.passage.patient and await self._waits_for_the_hour(plan.group):
            return REPORTEE, HEURE_SUIVANTE
        if self.passage.dry_run:
            return EXECUTEE, ""
        try:
            lettre = await self._lettre(plan)
        except SILENT as error:
            _log.warning("reminder %s waits: %r", plan.group.first.id, error)
            return REPORTEE, DEPENDANCE_MUETTE
        requests = contenus.requests(lettre, plan.canaux)
        if not await envois.fix(self.app, plan.group, contenus.contenu(lettre, plan.canaux), requests):
            return REPORTEE, PLUS_PLANIFIEE
        failpoint("relance.after_fixed")
        erreur = await envois.send(self.app, plan.group)
        if erreur is None:
            return REPORTEE, PLUS_PLANIFIEE
        return (ECHEC, erreur) if erreur else (EXECUTEE, "")

    async def _waits_for_the_hour(self, group: Group) -> bool:
        if not group.pending:
            return False
        commands = await envois.commands_of(self.app.database.read(), group.envoi_id)
        return any(command.prochain_essai > clock.now() for command in commands.values())

    async def _lettre(self, plan: _Plan) -> contenus.Lettre:
        """All that is to be said. Raises Unavailable, AioRpcError."""
        group, client, today = plan.group, self.verdict.client, self.passage.today
        first = group.first
        emetteur = await renseignements.emetteur_of(self.app, first.organisation_id, first.societe_id)
        contrat = await renseignements.contrat_of(self.app, group)
        owed = renseignements.factures_due(group, client, self.verdict.factures, self.siblings, today)
        dossier = renseignements.dossier_of(group, client, owed, emetteur, contrat, today)
        assigne_a, day = "", today
        if TACHE in plan.canaux:
            assigne_a = await renseignements.assignee_of(self.app, plan.regle, client)
            day = (await plus_business_days(self.app, first.societe_id, today, DAYS_FOR_A_TASK)).date
        return contenus.Lettre(group, plan.regle, client, dossier, emetteur.email, assigne_a, day)
