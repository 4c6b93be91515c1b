"""The stores of a process: the one for new files, and those that older rows remember (R17)."""

import asyncio

from service_kit import App

from service_documents.file_engine import FileEngine
from service_documents.settings import DocumentsSettings
from service_documents.storage import Engine, StockageIndisponible, Storage


class Storages:
    """Stores of *app*, each made when it is needed first."""

    def __init__(self, app: App[DocumentsSettings]) -> None:
        self._settings = app.settings
        self._made: dict[str, Storage] = {}
        self._making = asyncio.Lock()

    async def of(self, moteur: str) -> Storage:
        """Return the store that rows remember as *moteur*. Raises StockageIndisponible."""
        async with self._making:
            if moteur not in self._made:
                # In a thread: boto3 reads its description of the services of AWS, for half a second.
                self._made[moteur] = Storage(await asyncio.to_thread(self._engine, moteur))
            return self._made[moteur]

    def _engine(self, moteur: str) -> Engine:
        if moteur == FileEngine.name:
            return FileEngine(self._settings.stockage_racine)
        if not self._settings.s3_bucket:
            raise StockageIndisponible
        # Only here: a service that stores files in a folder neither starts later nor grows by boto3.
        from service_documents.s3_engine import S3Engine

        return S3Engine(self._settings)
