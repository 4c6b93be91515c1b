"""The job that drops the files of closed periods in the folders of their sociétés (R45).

A file is written once, under its name and whole; people hand it to their platform.
"""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from db_utils import Scope, within
from service_kit import App, Worker
from sqlalchemy import select

from service_factures.ereporting import fichiers
from service_factures.ereporting.models import EReportingDepot, EReportingPeriode
from service_factures.transmission import Dossier, Tardive

_FOLDER: Final = "ereporting"
_log = logging.getLogger(__name__)
_ORGANISATIONS = select(EReportingDepot.organisation_id).distinct()
_DUE = select(EReportingDepot).order_by(EReportingDepot.periode_id)


async def drop_reports(app: App[Any]) -> None:
    """Drop what is owed; without a folder, or with one that takes nothing, it waits."""
    root: Path | None = app.settings.factures_depot_dir
    if root is None:
        return
    for organisation_id in await app.database.read().all(_ORGANISATIONS):
        with within(Scope(organisation_id)):
            for due in await app.database.read().all(_DUE):
                try:
                    await _drop(app, root, due)
                except Tardive as error:
                    _log.error("files of a closed period wait for their folder: %s", error)


async def _drop(app: App[Any], root: Path, due: EReportingDepot) -> None:
    closed = await app.database.read().get(EReportingPeriode, due.periode_id)
    assert closed is not None, "the database holds on to it"
    folder = Dossier(root, closed.organisation_id, closed.societe_id)
    named = fichiers.names(closed.nature, closed.periode).values()
    for name, content in zip(named, (closed.fichier_csv, closed.fichier_json), strict=True):
        await folder.ecrire(f"{_FOLDER}/{name}", content, f"{_FOLDER}-{name}")
    async with app.database.transaction() as tx:
        await tx.delete(due)


DEPOTS: Final = Worker("ereporting_depots", drop_reports, every=timedelta(minutes=1), wake_on=EReportingDepot)
