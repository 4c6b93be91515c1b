"""Keys that are fields of requests, and the content that all keys are bound to (C21)."""

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
from service_testing import fresh_database
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
    """Tables of these tests."""

    __abstract__ = True
    metadata = metadata()


class Envoi(Entity, Tenant, Keyed, Base):
    """Something that is done once per key."""

    __tablename__ = "envoi"
    __table_args__ = (Index("uq_envoi_cle", "organisation_id", "cle_idempotence", unique=True),)

    texte: Mapped[str]


def envoi(texte: str, cle: str | None = "k", org: str = "org-1") -> Envoi:
    """A row whose content is its text."""
    return Envoi(
        organisation_id=org, texte=texte, cle_idempotence=cle, contenu_hash=texte.encode() if texte else None
    )


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A schema with that table, and one connection for each of two writers."""
    (tmp_path / "0001_envois.py").write_text(MIGRATION)
    url = fresh_database()
    migrate(url, [Schema("envois", (tmp_path,))])
    database = Database(url, "envois", pool_size=2)
    await database.open()
    yield database
    await database.close()


async def once(database: Database, row: Envoi, **options: Callable[[Any, Any], bool]) -> Envoi:
    """The row that *row* has become, in a transaction of its own."""
    async with database.transaction() as tx:
        return await insert_once(tx, row, **options)


async def count(database: Database) -> int:
    """How many rows there are."""
    return await database.read().one(select(func.count()).select_from(Envoi)) or 0


async def test_C21_a_key_with_its_content_answers_the_first_row(database: Database) -> None:
    """And stores nothing."""
    first = await once(database, envoi("a"))
    assert (await once(database, envoi("a"))).id == first.id
    assert await count(database) == 1


async def test_C21_a_key_with_another_content_is_refused(database: Database) -> None:
    """And stores nothing."""
    await once(database, envoi("a"))
    with pytest.raises(CleIdempotenceReutilisee):
        await once(database, envoi("b"))
    assert await count(database) == 1


async def test_C21_rows_without_a_key_and_of_other_organisations_are_others(database: Database) -> None:
    """A key belongs to its organisation; none is no key."""
    for row in (envoi("a"), envoi("b", org="org-2"), envoi("a", None), envoi("a", None)):
        assert (await once(database, row)).id == row.id


async def test_C21_of_parallel_calls_one_works(database: Database) -> None:
    """The others get its row, or the refusal when they say something else."""
    texts = ["a", "b"] * 10
    ended = await asyncio.gather(*(once(database, envoi(text)) for text in texts), return_exceptions=True)
    (stored,) = await database.read().all(select(Envoi))
    for said, end in zip(texts, ended, strict=True):
        assert end.id == stored.id if isinstance(end, Envoi) else isinstance(end, CleIdempotenceReutilisee)
        assert isinstance(end, Envoi) == (said == stored.texte)


@pytest.mark.parametrize(("alike", "answered"), [(True, True), (False, False)])
async def test_C21_a_row_without_a_content_answers_what_is_like_it(
    database: Database, alike: bool, answered: bool
) -> None:
    """Whether it is, its table says; without a word, it is not."""
    first = await once(database, envoi(""))
    if answered:
        assert (await once(database, envoi("a"), alike=lambda stored, row: alike)).id == first.id
    else:
        with pytest.raises(CleIdempotenceReutilisee):
            await once(database, envoi("a"), alike=lambda stored, row: alike)
    with pytest.raises(CleIdempotenceReutilisee):
        await once(database, envoi("a"))


def request(**fields: Any) -> pb.SendRequest:
    """A request with a key."""
    return pb.SendRequest(
        **{"sujet": "Bonjour", "entetes": {"X-B": "1", "X-A": "2"}, "cle_idempotence": "k", **fields}
    )


@contextmanager
def in_organisation(organisation_id: str) -> Iterator[None]:
    """A call of that organisation."""
    token = context.scope.set(Scope(organisation_id))
    yield
    context.scope.reset(token)


def test_C21_the_key_is_no_part_of_the_content() -> None:
    """Nor is the order in which a map was filled."""
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
def test_C21_every_other_field_is(other: dict[str, Any]) -> None:
    """One that differs makes another content."""
    assert content_hash(request(**other)) != content_hash(request())


def test_C21_so_are_the_organisation_and_the_kind_of_the_request() -> None:
    """The same words to another organisation, or another method, are another content."""
    contents = [content_hash(request()), content_hash(pb.GetMessageRequest()), content_hash(pb.SendRequest())]
    with in_organisation("org-1"):
        contents.append(content_hash(request()))
    assert len(set(contents)) == 4
