"""Notification of a day whose volume has passed its threshold (R22)."""

from datetime import date

from db_utils import Transaction
from grpc_utils import written_amount
from service_kit.outgoing import CRITIQUE, EVERYBODY, alert

from service_calendar.volumes import Volume


async def tell_exceeded(
    tx: Transaction, organisation_id: str, societe_id: str, day: date, volume: Volume
) -> None:
    """Owe everybody in the organisation one notification of *day*, whatever comes to it later."""
    await alert(
        tx,
        organisation_id,
        f"volume:{societe_id}:{day.isoformat()}",
        niveau=CRITIQUE,
        titre="Volume de prélèvements dépassé",
        message=(
            f"{volume.nombre} prélèvements pour {written_amount(volume.montant)} sont prévus"
            f" le {day:%d/%m/%Y}, au-delà du seuil fixé."
        ),
        equipe=EVERYBODY,
        metadata={"societe_id": societe_id, "date": day.isoformat()},
    )
