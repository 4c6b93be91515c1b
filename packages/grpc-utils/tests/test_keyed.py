"""Idempotency keys that are fields of requests, and the content to which all keys are bound (C21)."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from crm.email import email_pb2 as pb
from db_utils import Database, Entity, Row, Scope, Tenant, context, metadata
from db_utils.migrations import Schema, migrate
from grpc_utils import Keyed, content_hash, insert_once
from grpc_utils.errors import CleIdempotenceReutilisee
from service_testing import empty_database
from sqlalchemy import Index, func, select
from sqlalchemy.orm import Mapped

MIGRATION = """
from alembic import op

revision, down_revision, branch_labels = "envois_0001", None, ("envois",)


def upgrade():
    op.execute(
        "CREATE TABLE envoi (id uuid PRIMARY KEY, created_at timestamptz, updated_at timestamptz,"
        " version int, organisation_id varchar(64), cle_idempotence varchar(255), contenu_hash bytea,"
        " texte text);"
        "CREATE UNIQUE INDEX uq_envoi_cle ON envoi (organisation_id, cle_idempotence)"
    )
"""


class Base(Row):
    """Base of the table of these tests."""

    __abstract__ = True
    metadata = metadata()


class Envoi(Entity, Tenant, Keyed, Base):
    """A row that a request makes once per key."""

    __tablename__ = "envoi"
    __table_args__ = (Index("uq_envoi_cle", "organisation_id", "cle_idempotence", unique=True),)

    texte: Mapped[str]


def envoi(texte: str, cle: str | None = "k", org: str = "org-1") -> Envoi:
    """A row whose content hash is *texte*, None when that is empty."""
    return Envoi(
        organisation_id=org, texte=texte, cle_idempotence=cle, contenu_hash=texte.encode() if texte else None
    )


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A schema with that table, and connections for two writers."""
    (tmp_path / "0001_envois.py").write_text(MIGRATION)
    url = empty_database()
    migrate(url, [Schema("envois", (tmp_path,))])
    database = Database(url, "envois", pool_size=2)
    await database.open()
    yield database
    await database.close()


async def once(database: Database, row: Envoi, **options: Callable[[Any, Any], bool]) -> Envoi:
    """Return what `insert_once` makes of *row* in a transaction of its own."""
    async with database.transaction() as tx:
        return await insert_once(tx, row, **options)


async def count(database: Database) -> int:
    """The number of rows."""
    return await database.read().one(select(func.count()).select_from(Envoi)) or 0


async def test_C21_a_key_with_its_content_answers_the_first_row(database: Database) -> None:
    """The second call stores nothing and returns the row of the first."""
    first = await once(database, envoi("a"))
    assert (await once(database, envoi("a"))).id == first.id
    assert await count(database) == 1


async def test_C21_a_key_with_another_content_is_refused(database: Database) -> None:
    """The refused call stores nothing."""
    await once(database, envoi("a"))
    with pytest.raises(CleIdempotenceReutilisee):
        await once(database, envoi("b"))
    assert await count(database) == 1


async def test_C21_a_key_concerns_rows_of_its_organisation_only(database: Database) -> None:
    """Rows of another organisation under the same key, and rows without a key, are all written."""
    for row in (envoi("a"), envoi("b", org="org-2"), envoi("a", None), envoi("a", None)):
        assert (await once(database, row)).id == row.id


async def test_C21_of_parallel_calls_one_writes(database: Database) -> None:
    """Of twenty calls under one key one writes; the others get its row or, with another text, a refusal."""
    texts = ["a", "b"] * 10
    ended = await asyncio.gather(*(once(database, envoi(text)) for text in texts), return_exceptions=True)
    (stored,) = await database.read().all(select(Envoi))
    for said, end in zip(texts, ended, strict=True):
        assert end.id == stored.id if isinstance(end, Envoi) else isinstance(end, CleIdempotenceReutilisee)
        assert isinstance(end, Envoi) == (said == stored.texte)


@pytest.mark.parametrize(("alike", "answered"), [(True, True), (False, False)])
async def test_C21_a_row_without_a_content_answers_a_row_that_is_alike(
    database: Database, alike: bool, answered: bool
) -> None:
    """`alike` decides whether the stored row is the answer; without it the call is refused."""
    first = await once(database, envoi(""))
    if answered:
        assert (await once(database, envoi("a"), alike=lambda stored, row: alike)).id == first.id
    else:
        with pytest.raises(CleIdempotenceReutilisee):
            await once(database, envoi("a"), alike=lambda stored, row: alike)
    with pytest.raises(CleIdempotenceReutilisee):
        await once(database, envoi("a"))


def request(**fields: Any) -> pb.SendRequest:
    """A request with a key and *fields*."""
    return pb.SendRequest(
        **{"sujet": "Bonjour", "entetes": {"X-B": "1", "X-A": "2"}, "cle_idempotence": "k", **fields}
    )


@contextmanager
def in_organisation(organisation_id: str) -> Iterator[None]:
    """Run the block in the scope of *organisation_id*, as a call would."""
    token = context.scope.set(Scope(organisation_id))
    yield
    context.scope.reset(token)


def test_C21_the_key_is_no_part_of_the_content() -> None:
    """Another key and another order of a map leave the hash unchanged."""
    turned = request(cle_idempotence="autre", entetes={"X-A": "2", "X-B": "1"})
    assert content_hash(turned) == content_hash(request())


@pytest.mark.parametrize(
    "other",
    [
        {"sujet": "Autre"},
        {"a": [pb.Destinataire(email="jean@exemple.fr")]},
        {"corps_texte": "Bonjour."},
        {"entetes": {}},
        {"organisation_id": "org-1"},
    ],
)
def test_C21_every_other_field_is_part_of_the_content(other: dict[str, Any]) -> None:
    """A request that differs in one field has another hash."""
    assert content_hash(request(**other)) != content_hash(request())


def test_C21_the_organisation_and_the_type_of_a_request_are_part_of_its_content() -> None:
    """Equal fields in another organisation or another message have another hash."""
    contents = [content_hash(request()), content_hash(pb.GetMessageRequest()), content_hash(pb.SendRequest())]
    with in_organisation("org-1"):
        contents.append(content_hash(request()))
    assert len(set(contents)) == 4
