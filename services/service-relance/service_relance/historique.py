"""HistoriqueRelanceService: what was carried out, ignored or has failed, line by line."""

from datetime import timedelta
from typing import Any

from crm.relance import relance_pb2 as pb
from crm.relance.relance_pb2_grpc import HistoriqueRelanceServiceServicer
from db_utils import Listing, Retention, clock, purge_job
from grpc_utils import Context, list_answer, optional_date, page_of, to_message
from service_kit import App, Settings

from service_relance.models import Envoi, HistoriqueRelance, ReglementVu, Relance, Signalement

_FIVE_YEARS = timedelta(days=5 * 366)
HISTORIQUES = Listing(
    HistoriqueRelance,
    sorts=("date_execution desc",),
    filters={
        "regle_relance_id": None,
        "client_id": None,
        "contrat_id": None,
        "facture_id": None,
        "resultat": None,
        "date_from": lambda day: HistoriqueRelance.date_execution >= day,
        "date_to": lambda day: HistoriqueRelance.date_execution < day,
    },
)


class HistoriqueRelanceService(HistoriqueRelanceServiceServicer):
    """History of the caller's organisation."""

    def __init__(self, app: App[Settings]) -> None:
        self._db = app.database

    async def List(
        self, request: pb.ListHistoriquesRelanceRequest, context: Context
    ) -> pb.ListHistoriquesRelanceResponse:
        """List the lines of the history, the latest first."""
        first = optional_date(request.date_from, "date_from")
        last = optional_date(request.date_to, "date_to")
        page = await page_of(
            HISTORIQUES,
            self._db.read(),
            request,
            date_from=clock.midnight(first) if first else None,
            date_to=clock.midnight(last + timedelta(days=1)) if last else None,
        )
        return list_answer(pb.ListHistoriquesRelanceResponse, page, map(_message, page.rows))


def _message(historique: HistoriqueRelance) -> pb.HistoriqueRelance:
    return to_message(historique, pb.HistoriqueRelance, metadata=historique.metadata_)


def line(
    relance: Relance, resultat: str, envoi: Envoi | None = None, erreur: str | None = None
) -> HistoriqueRelance:
    """New line of what became of *relance*, with what *envoi* has sent for it."""
    said: dict[str, Any] = dict(envoi.contenu) if envoi else {}
    amounts = said.pop("montants", {}).get(str(relance.id), {})
    return HistoriqueRelance(
        organisation_id=relance.organisation_id,
        relance_id=relance.id,
        regle_relance_id=relance.regle_id,
        client_id=relance.client_id,
        facture_id=relance.facture_id,
        contrat_id=relance.contrat_id,
        tache_creee_id=envoi.tache_id if envoi else None,
        message_id=envoi.message_id if envoi else None,
        date_execution=clock.now(),
        resultat=resultat,
        message_erreur=erreur,
        metadata_={
            "declencheur": relance.declencheur,
            "niveau": relance.niveau,
            **amounts,
            **said,
        },
    )


# The database refuses to delete a younger line of the history.
FORGET = purge_job(
    Retention(HistoriqueRelance, HistoriqueRelance.date_execution, _FIVE_YEARS),
    Retention(ReglementVu, ReglementVu.vu_le, _FIVE_YEARS),
    Retention(Signalement, Signalement.created_at, _FIVE_YEARS),
    name="history",
)
