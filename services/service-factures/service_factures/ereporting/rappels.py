"""The job that reminds the finance team of periods that are over and not closed (R44)."""

from datetime import date, timedelta
from typing import Any, Final

from db_utils import Scope, clock, within
from service_kit import App, Worker
from service_kit.outgoing import AVERTISSEMENT, CRITIQUE, alert
from sqlalchemy import and_, select

from service_factures.ereporting import periodes
from service_factures.ereporting.models import EReportingLigne, EReportingPeriode
from service_factures.ereporting.periodes import Periode
from service_factures.societes import settings_of

_HOUR = 6  # in Paris
_NOTICE = timedelta(days=2)
_closed = and_(
    EReportingPeriode.organisation_id == EReportingLigne.organisation_id,
    EReportingPeriode.societe_id == EReportingLigne.societe_id,
    EReportingPeriode.periode == EReportingLigne.periode,
    EReportingPeriode.nature == EReportingLigne.nature,
)
_open = ~select(EReportingPeriode.id).where(_closed).exists()
_ORGANISATIONS = select(EReportingLigne.organisation_id).where(_open).distinct()
_OPEN = select(EReportingLigne.societe_id, EReportingLigne.periode).where(_open).distinct()


async def remind(app: App[Any]) -> None:
    """Tell once of each period with lines that is over, and once more two days before it is due."""
    if clock.now().astimezone(clock.PARIS).hour < _HOUR:
        return
    for organisation_id in await app.database.read().all(_ORGANISATIONS):
        with within(Scope(organisation_id)):
            for societe_id, nom in await app.database.read().all(_OPEN):
                periode = periodes.named(nom)
                if periode.fin < clock.today():
                    await _tell(app, organisation_id, societe_id, periode)


async def _tell(app: App[Any], organisation_id: str, societe_id: str, periode: Periode) -> None:
    async with app.database.transaction() as tx:
        settings = await settings_of(tx, organisation_id, societe_id)
        due = periodes.due(settings.regime, periode)
        near = clock.today() >= due - _NOTICE
        await alert(
            tx,
            organisation_id,
            f"ereporting:{societe_id}:{periode.nom}:{'echeance' if near else 'fin'}",
            niveau=CRITIQUE if near else AVERTISSEMENT,
            titre=f"E-reporting {periode.nom} à déclarer",
            message=_message(settings.company_name or societe_id, periode, due),
        )


def _message(societe: str, periode: Periode, due: date) -> str:
    whose = f" de {societe}" if societe else ""
    return (
        f"La période {periode.nom}{whose} est terminée et n'est pas close. Relisez-la, fermez-la et "
        f"remettez ses fichiers à votre plateforme au plus tard le {due:%d/%m/%Y}."
    )


RAPPELS: Final = Worker("ereporting_rappels", remind, every=timedelta(hours=1))
