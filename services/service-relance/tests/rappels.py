"""Reminders for tests, written into the table."""

from datetime import date
from typing import Any

from service_relance.models import RegleRelance, Relance
from service_testing import Mesh


async def planned(mesh: Mesh, org: str, *relances: dict[str, Any]) -> list[str]:
    """Insert reminders of *org* with these fields, in this order; returns their ids."""
    async with mesh.database("relance").transaction() as tx:
        regle = await tx.insert(
            RegleRelance(
                organisation_id=org,
                nom="Appel",
                declencheur="NOUVEAU_CLIENT",
                delai_jours=7,
                action_type="CREER_TACHE",
            )
        )
        rows = [
            await tx.insert(
                Relance(
                    **{
                        "organisation_id": org,
                        "regle_id": regle.id,
                        "declencheur": "NOUVEAU_CLIENT",
                        "client_id": "client-123",
                        "date_prevue": date(2026, 1, 15),
                        "a_recalculer": True,
                        "cle": f"cle-{number}",
                        **fields,
                    }
                )
            )
            for number, fields in enumerate(relances)
        ]
    return [str(row.id) for row in rows]
