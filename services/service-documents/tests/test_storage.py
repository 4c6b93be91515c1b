"""The contract of the stores, the same for a folder and for a bucket, and how their failures are met."""

import hashlib
import io
from typing import Any

import pytest
from service_documents.file_engine import FileEngine
from service_documents.s3_engine import S3Engine
from service_documents.settings import DocumentsSettings
from service_documents.storage import ObjectMissing, StockageIndisponible, Storage
from service_kit import load
from service_kit.embedded import free_port
from tests.piece_stores import Place

KEY = "org-1/2026/03/0190"
CONTENT = bytes(range(256)) * 1000


def settings_of(**fields: Any) -> DocumentsSettings:
    """Settings of a service with these fields."""
    usual = {"database_url": "postgresql://localhost/crm", "crm_env": "test"}
    return load(DocumentsSettings, **{**usual, **fields})


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> Place:
    """A place of each kind, empty."""
    made: Place = request.getfixturevalue(request.param)
    for key in made.objects():
        made.remove(key)
    return made


@pytest.fixture
def storage(store: Place) -> Storage:
    """The store on that place."""
    settings = settings_of(**store.settings)
    engine = FileEngine(settings.stockage_racine) if settings.stockage == "fichier" else S3Engine(settings)
    return Storage(engine)


async def written(storage: Storage, key: str, content: bytes) -> None:
    """Write *content* from a file that stands at its end, as after an upload."""
    file = io.BytesIO(content)
    file.seek(0, 2)
    await storage.write(key, file, hashlib.sha256(content).digest())


async def read(storage: Storage, key: str, start: int = 0, length: int = len(CONTENT)) -> list[bytes]:
    """The blocks of a part of a content."""
    return [block async for block in storage.read(key, start, length)]


async def test_R17_what_is_written_is_read(storage: Storage, store: Place) -> None:
    """In blocks of 64 KiB, and nothing else lies in the store (R8)."""
    await written(storage, KEY, CONTENT)
    blocks = await read(storage, KEY)
    assert (b"".join(blocks), max(map(len, blocks))) == (CONTENT, 64 * 1024)
    assert (store.objects(), store.get(KEY)) == ([KEY], CONTENT)


@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (1, 70_000), (255_999, 1), (255_990, 100), (256_000, 1), (300_000, 10)]
)
async def test_R8_a_part_is_read(storage: Storage, start: int, length: int) -> None:
    """Up to the end, and nothing after it."""
    await written(storage, KEY, CONTENT)
    assert b"".join(await read(storage, KEY, start, length)) == CONTENT[start : start + length]


async def test_R18_a_write_may_be_repeated(storage: Storage) -> None:
    """The last one counts."""
    await written(storage, KEY, CONTENT)
    await written(storage, KEY, b"other")
    assert b"".join(await read(storage, KEY)) == b"other"


async def test_R1_a_content_that_is_removed_is_missing(storage: Storage, store: Place) -> None:
    """Removing it again is no failure."""
    await written(storage, KEY, CONTENT)
    await storage.delete(KEY)
    await storage.delete(KEY)
    await storage.delete("org-2/2026/03/never")
    assert store.objects() == []
    with pytest.raises(ObjectMissing):
        await read(storage, KEY)


async def test_R18_a_store_that_is_away_is_unavailable(store: Place) -> None:
    """After three attempts, whatever is wanted of it."""
    if store.settings["stockage"] == "fichier":
        (blocked := store.settings["stockage_racine"] / "file").write_bytes(b"")
        storage = Storage(FileEngine(blocked))
    else:
        nowhere = f"http://127.0.0.1:{free_port()}"
        storage = Storage(S3Engine(settings_of(**{**store.settings, "s3_endpoint_url": nowhere})))
    with pytest.raises(StockageIndisponible):
        await written(storage, KEY, CONTENT)
    with pytest.raises(StockageIndisponible):
        await read(storage, KEY)
    with pytest.raises(StockageIndisponible):
        await storage.delete(KEY)
