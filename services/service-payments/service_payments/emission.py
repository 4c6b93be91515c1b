"""One emission run of a société: its due debits become files for the bank (R14 to R17).

Everything is asked first (`candidats.py`), then each file is one transaction (`ecritures.py`). One run of a
société works at a time; runs of others are none of its business.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from crm.payments import payments_pb2 as pb
from db_utils import clock, failpoint
from grpc_utils import to_message
from grpc_utils.errors import Aborted, InvalidArgument
from service_kit import App
from service_kit.outgoing import AVERTISSEMENT, alert

from service_payments import calendrier, candidats, ecritures, psp
from service_payments import emission_rules as rules
from service_payments.bank_ids import needs_address
from service_payments.candidats import Tri
from service_payments.coffre import Coffre
from service_payments.creanciers import creancier_of
from service_payments.depot import Depot
from service_payments.emission_rules import Blocage, Prelevement
from service_payments.pain008 import Beneficiaire, Fichier
from service_payments.rearmement import rearm
from service_payments.sepa_models import B2B, CORE, DELAI_REMISE, Creancier, Remise, RemiseFichier
from service_payments.settings import PaymentsSettings


class EmissionEnCours(Aborted):
    """Une émission de cette société est déjà en cours : attendez sa fin."""


class DateAutre(InvalidArgument):
    """Une émission se fait le jour même : un autre jour ne peut être qu'un essai à blanc (dry_run)."""


@dataclass(frozen=True, slots=True)
class Bilan:
    """What a run has done, or would do; *attendent* debits could not be decided on."""

    remises: Sequence[Remise] = ()
    bloques: Sequence[Blocage] = ()
    attendent: int = 0

    @property
    def nb_soumis(self) -> int:
        """Number of debits in the files."""
        return sum(remise.nb for remise in self.remises)


@dataclass(frozen=True, slots=True)
class Passage:
    """Whose debits a run emits, and the day of which it is."""

    app: App[PaymentsSettings]
    organisation_id: str
    societe_id: str
    day: date
    depot: Depot = field(init=False)

    def __post_init__(self) -> None:
        """Find the folder of the société's files."""
        folder = self.app.settings.remises_dir
        object.__setattr__(self, "depot", Depot(folder, self.organisation_id, self.societe_id))


async def run(
    app: App[PaymentsSettings], organisation_id: str, societe_id: str, day: date, *, dry_run: bool = False
) -> Bilan:
    """Emit what is due on *day*, in the organisation of the scope; with *dry_run* only tell what would be.

    Raises EmissionEnCours, and Unavailable while the calendar is away.
    """
    passage = Passage(app, organisation_id, societe_id, day)
    async with app.database.exclusive(f"emission/{organisation_id}/{societe_id}") as alone:
        if not alone:
            raise EmissionEnCours
        waiting = 0
        if not dry_run:
            await passage.depot.settle(app.database.read())
            waiting = await rearm(app, organisation_id, societe_id)
        creancier = await creancier_of(app.database.read(), organisation_id, societe_id)
        delai = creancier.delai_remise_jours_ouvres if creancier else DELAI_REMISE
        days = rules.days_before(delai, day, clock.now())
        # A debit of that day is handed over today; an earlier one is late and moves to it (R14).
        earliest = await calendrier.business_day(app, organisation_id, societe_id, day, days)
        tri = await candidats.sorted_out(app, organisation_id, societe_id, creancier, earliest)
        work = _announced if dry_run else _emitted
        return Bilan(await work(passage, creancier, tri), tri.bloques, tri.attendent + waiting)


def answer(bilan: Bilan) -> pb.EmitDueResponse:
    """Return *bilan* as callers read it; files that were only announced have no id."""
    return pb.EmitDueResponse(
        remises=[_told(remise) for remise in bilan.remises],
        nb_soumis=bilan.nb_soumis,
        bloques=[
            pb.DebitBloque(payment_id=str(blocage.payment_id), motif=blocage.motif)
            for blocage in bilan.bloques
        ],
    )


def _told(remise: Remise) -> pb.Remise:
    message = to_message(remise, pb.Remise)
    if not remise.msg_id:
        message.ClearField("id")
    return message


async def _emitted(passage: Passage, creancier: Creancier | None, tri: Tri) -> list[Remise]:
    for payment, facture in tri.regles:
        async with passage.app.database.transaction() as tx:
            await ecritures.close_settled(tx, payment, facture)
    if tri.bloques:
        await _hold_back(passage, tri.bloques)
    if creancier is None:
        return []
    written = [await _file(passage, creancier, schema, members) for schema, members in _by_schema(tri.prets)]
    return [remise for remise in written if remise is not None]


async def _announced(passage: Passage, creancier: Creancier | None, tri: Tri) -> list[Remise]:
    """Make the remises that a run would write; they have no name, no file, and are stored nowhere."""
    return [_remise(passage, schema, "", members) for schema, members in _by_schema(tri.prets)]


def _by_schema(prets: Sequence[Prelevement]) -> list[tuple[str, list[Prelevement]]]:
    """Group debits by schema: each has a file of its own (R17)."""
    groups = [(schema, [one for one in prets if one.mandat.schema == schema]) for schema in (CORE, B2B)]
    return [(schema, members) for schema, members in groups if members]


async def _file(
    passage: Passage, creancier: Creancier, schema: str, prets: Sequence[Prelevement]
) -> Remise | None:
    """Write the file of *prets*, and that they are with the bank, in one transaction; None when none is left.

    A debit that has changed since it was chosen, or that somebody is changing, stays for the next run.
    """
    app, created = passage.app, clock.now().replace(microsecond=0)
    async with app.database.transaction() as tx:
        kept = await ecritures.locked(tx, prets)
        if not kept:
            return None
        msg_id = rules.new_msg_id(passage.day)
        fichier = await asyncio.to_thread(_written, app.part(Coffre), creancier, msg_id, created, kept)
        await passage.depot.prepare(msg_id, fichier.content)
        remise = await tx.insert(_remise(passage, schema, msg_id, kept, fichier))
        await tx.insert(
            RemiseFichier(
                organisation_id=remise.organisation_id, remise_id=remise.id, contenu=fichier.content
            )
        )
        await ecritures.submit(tx, remise, fichier, kept, passage.day)
        failpoint("emission.before_commit")
    failpoint("emission.after_commit")
    passage.depot.publish(msg_id)
    return remise


def _remise(
    passage: Passage,
    schema: str,
    msg_id: str,
    prets: Sequence[Prelevement],
    fichier: Fichier | None = None,
) -> Remise:
    return Remise(
        organisation_id=passage.organisation_id,
        societe_id=passage.societe_id,
        msg_id=msg_id,
        schema=schema,
        date_remise=passage.day,
        nb=len(prets),
        total=sum((one.montant for one in prets), Decimal(0)),
        sha256=fichier.sha256 if fichier else "",
    )


def _written(
    coffre: Coffre, creancier: Creancier, msg_id: str, created: datetime, prets: Sequence[Prelevement]
) -> Fichier:
    beneficiaire = Beneficiaire(creancier.nom, creancier.ics, coffre.open(creancier), creancier.bic)
    ibans = [coffre.open(one.mandat) for one in prets]
    debits = [
        rules.debit_of(one, iban, outside_eea=needs_address(iban))
        for one, iban in zip(prets, ibans, strict=True)
    ]
    gateway = psp.gateway(creancier.provider)
    return gateway.submit(msg_id, created, prets[0].mandat.schema, beneficiaire, debits)


async def _hold_back(passage: Passage, bloques: Sequence[Blocage]) -> None:
    """Mark the échéances of blocked debits, and tell the finance team once a day (R15)."""
    async with passage.app.database.transaction() as tx:
        await ecritures.block(tx, [blocage.payment_id for blocage in bloques])
        await alert(
            tx,
            passage.organisation_id,
            f"debits-bloques:{passage.societe_id}:{passage.day}",
            niveau=AVERTISSEMENT,
            titre="Prélèvements bloqués",
            message=f"Ne peuvent pas être remis à la banque : {rules.told(bloques)}."
            " Ces prélèvements seront examinés à nouveau à la prochaine émission.",
        )
