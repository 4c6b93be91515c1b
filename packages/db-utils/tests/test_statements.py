"""Compiled statements: their values, what is shared, what is refused."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from db_utils import Database, uuid7
from db_utils.context import EVERYTHING, NOTHING, Scope
from db_utils.statements import _LIMIT, Statement, _prepared, prepare
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Uuid,
    any_,
    bindparam,
    delete,
    func,
    literal,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import aliased
from tests.essais import Fiche, Journal, Piece, Reglage, fiche, seen_by

_ALL = Scope("org")


def compiled(statement: Any, scope: Scope = _ALL, **named: object) -> Statement:
    """The compiled form of *statement*."""
    prepared = prepare(statement, named, scope)
    assert prepared is not None
    return prepared[0]


async def written(database: Database, *rows: Fiche | Piece) -> None:
    """Insert *rows*."""
    async with database.transaction() as tx:
        for row in rows:
            await tx.insert(row)


@pytest.mark.parametrize(
    ("column", "value", "other"),
    [
        (Fiche.code, "l'un", "%s"),
        (Fiche.rang, 3, -3),
        (Fiche.grand, 2**40, 0),
        (Fiche.montant, Decimal("10.10"), Decimal("10.1")),
        (Fiche.jour, date(2026, 2, 28), date(2024, 2, 29)),
        (Fiche.instant, datetime(2026, 3, 29, 1, 30, tzinfo=UTC), None),
        (Fiche.note, "100 % d'« é »\n", None),
        (Fiche.donnees, {"a": [1, {"b": None}]}, {}),
        (Fiche.etiquettes, ["a", 'b"', "c,d", "NULL"], []),
        (Fiche.id, uuid7(), uuid7()),
    ],
    ids=lambda value: getattr(value, "key", ""),
)
async def test_a_value_is_the_same_as_a_literal_and_as_a_parameter(
    database: Database, org: str, column: Any, value: object, other: object
) -> None:
    """For every type and NULL; a second literal of the same shape finds its own row."""
    rows = [fiche(org, **{"nom": str(number), column.key: one}) for number, one in enumerate((value, other))]
    await written(database, *rows)
    mine = Fiche.organisation_id == org
    parameter = select(Fiche.nom).where(mine, column == bindparam("v", type_=column.type))
    assert (await database.read().all(select(Fiche.nom).where(mine, column == value))).count("0") == 1
    assert (await database.read().all(select(Fiche.nom).where(mine, column == other))).count("1") == 1
    assert (await database.read().all(parameter, v=value)).count("0") == 1


def test_statements_of_one_shape_are_compiled_once() -> None:
    """They share the compiled form, each with its own literals."""
    first = prepare(select(Fiche).where(Fiche.nom == "a", Fiche.rang > 1).limit(3), {}, EVERYTHING)
    second = prepare(select(Fiche).where(Fiche.nom == "b", Fiche.rang > 2).limit(4), {}, EVERYTHING)
    assert first is not None
    assert second is not None
    assert first[0] is second[0]
    assert (first[1], second[1]) == (["a", 1, 3], ["b", 2, 4])


def test_a_scope_has_a_form_of_its_own() -> None:
    """One form for all organisations, another one for unscoped work."""
    statement = select(Fiche.nom)
    assert compiled(statement, Scope("a")) is compiled(statement, Scope("b"))
    assert compiled(statement, Scope("a")) is not compiled(statement, EVERYTHING)


def test_the_store_of_compiled_statements_is_bounded() -> None:
    """Also for a service that makes new shapes for ever."""
    for number in range(_LIMIT + 100):
        compiled(select(literal_column(f"{number}")))
        assert len(_prepared) <= _LIMIT


async def test_a_list_is_one_parameter(database: Database, org: str) -> None:
    """`= ANY(array)` takes any number of values, also none."""
    rows = [fiche(org, code=code) for code in "abc"]
    await written(database, *rows)
    ids = bindparam("ids", type_=ARRAY(Uuid))
    read = select(Fiche.code).where(Fiche.id == any_(ids)).order_by(Fiche.code)
    assert await database.read().all(read, ids=[rows[0].id, rows[2].id]) == ["a", "c"]
    assert await database.read().all(read, ids=[]) == []


@pytest.mark.parametrize(
    "criterion",
    [Fiche.code.in_(["a", "b"]), Fiche.code.in_([]), Fiche.code.not_in(bindparam("x", expanding=True))],
)
def test_in_is_refused(criterion: ColumnElement[bool]) -> None:
    """Its SQL depends on the number of values; the message says what to write."""
    with pytest.raises(TypeError, match="any_"):
        compiled(select(Fiche).where(criterion), x=["a"])


def test_a_missing_value_is_refused() -> None:
    """The message names the parameter."""
    with pytest.raises(TypeError, match="'nom'"):
        compiled(select(Fiche).where(Fiche.nom == bindparam("nom")))


async def test_null_is_written_as_a_parameter_and_compared_as_a_criterion(
    database: Database, org: str
) -> None:
    """`== None` becomes IS NULL."""
    await written(database, fiche(org, nom="a", note="x"), fiche(org, nom="b"))
    erase = update(Fiche).where(Fiche.organisation_id == org, Fiche.nom == "a").values(note=bindparam("note"))
    async with database.transaction() as tx:
        assert await tx.execute(erase, note=None) == 1
    nothing = select(Fiche.nom).where(Fiche.organisation_id == org, Fiche.note == None).order_by(Fiche.nom)  # noqa: E711  # SQL
    assert await database.read().all(nothing) == ["a", "b"]


async def test_percent_signs_are_only_percent_signs(database: Database, org: str) -> None:
    """In literals, patterns and operators."""
    await written(database, fiche(org, nom="5 %", rang=5), fiche(org, nom="%s", rang=6))
    odd = select(Fiche.nom).where(Fiche.organisation_id == org, Fiche.rang % 2 == 1)
    like = select(Fiche.nom).where(Fiche.organisation_id == org, Fiche.nom.like("%\\%s"))
    assert (await database.read().all(odd), await database.read().all(like)) == (["5 %"], ["%s"])


async def test_answers_have_the_shape_of_the_question(database: Database, org: str) -> None:
    """Instances, single values and tuples of both; None for an instance that an outer join did not find."""
    row = fiche(org, nom="a")
    part = Piece(organisation_id=org, fiche_id=row.id, libelle="p")
    await written(database, row, part)
    mine, other = Fiche.id == row.id, aliased(Fiche)
    read = database.read()
    (entity,) = await read.all(select(Fiche).where(mine))
    (alias,) = await read.all(select(other).where(other.id == row.id))
    assert (type(entity), entity.nom, type(alias), alias.nom) == (Fiche, "a", Fiche, "a")
    assert await read.all(select(Fiche.nom).where(mine)) == ["a"]
    assert await read.all(select(Fiche.nom, Fiche.rang).where(mine)) == [("a", 0)]
    pair: Any = (
        select(Fiche, func.length(Fiche.nom), Piece).join(Piece, Piece.fiche_id == Fiche.id).where(mine)
    )
    ((left, length, right),) = await read.all(pair)
    assert (left.nom, length, right.libelle) == ("a", 1, "p")
    assert await read.one(select(Fiche).where(Fiche.code == "absent")) is None


async def test_a_row_that_was_read_can_be_changed(database: Database, org: str) -> None:
    """Whichever statement read it."""
    await written(database, fiche(org, nom="a"))
    async with database.transaction() as tx:
        row = await tx.one(select(Fiche).where(Fiche.organisation_id == org))
        assert row is not None
        await tx.update(row, nom="b", donnees={"x": 1}, montant=Decimal("2.50"))
    read = await database.read().get(Fiche, row.id)
    assert read is not None
    assert (read.nom, read.donnees, read.montant) == ("b", {"x": 1}, Decimal("2.50"))


async def test_returning_answers_what_was_written(database: Database, org: str) -> None:
    """For INSERT … ON CONFLICT, UPDATE and DELETE, with values or instances."""
    key: dict[str, Any] = {
        "domaine": bindparam("domaine"),
        "cle": bindparam("cle"),
        "valeur": bindparam("valeur"),
    }
    put = insert(Reglage).values(key)
    claim = put.on_conflict_do_nothing().returning(Reglage.cle)
    replace = put.on_conflict_do_update(
        index_elements=["domaine", "cle"], set_={"valeur": put.excluded.valeur}
    ).returning(Reglage)
    named = {"domaine": "d", "cle": org}
    async with database.transaction() as tx:
        assert await tx.all(claim, **named, valeur="1") == [org]
        assert await tx.all(claim, **named, valeur="2") == []
        (replaced,) = await tx.all(replace, **named, valeur="3")
        assert replaced.valeur == "3"
        gone = delete(Reglage).where(Reglage.cle == org).returning(Reglage.valeur)
        assert await tx.all(gone) == ["3"]


async def test_an_unnumbered_insert_leaves_its_number_to_the_server(database: Database, org: str) -> None:
    """Identity columns are never written, and read by RETURNING only."""
    number = insert(Journal).values(message=bindparam("message")).returning(Journal.id)
    async with database.transaction() as tx:
        first = await tx.one(number, message=org)
        second = await tx.one(number, message=org)
    assert first is not None
    assert second == first + 1


async def test_expressions_without_a_table_work(database: Database) -> None:
    """Such as functions of the server."""
    assert await database.read().one(select(literal(1) + bindparam("n", type_=Fiche.rang.type)), n=2) == 3


async def test_ids_are_read_as_text_in_any_case_and_never_guessed(database: Database, org: str) -> None:
    """C2: a text that cannot be an id names no row."""
    row = fiche(org)
    await written(database, row)
    read = database.read()
    for same in (str(row.id), str(row.id).upper()):
        assert await read.get(Fiche, same) is not None
    for other in ("", "org-123", str(row.id)[:-1], f"{{{row.id}}}", f"urn:uuid:{row.id}", row.id.hex, "\x00"):
        assert await read.get(Fiche, other) is None
        assert await read.get_with(Fiche, other, Piece.fiche_id) is None
    assert await read.get(Fiche, UUID(int=0)) is None


async def test_a_full_join_is_refused(database: Database) -> None:
    """Neither WHERE nor ON could hide rows of both sides."""
    with pytest.raises(TypeError, match="FULL JOIN"):
        await database.read().all(select(Fiche.nom).outerjoin(Piece, Piece.fiche_id == Fiche.id, full=True))


async def test_a_text_is_no_statement(database: Database) -> None:
    """The rows that it reads could not be filtered."""
    with pytest.raises(TypeError, match="expression"):
        await database.read().all(text("SELECT nom FROM fiches"))  # type: ignore[call-overload]  # on purpose


@pytest.mark.parametrize("scope", [Scope("org-x"), NOTHING, EVERYTHING])
async def test_reading_cannot_write(database: Database, org: str, scope: Scope) -> None:
    """`read` refuses statements that write, because only a transaction commits."""
    rows = insert(Reglage).values(domaine="d", cle=org, valeur="").returning(Reglage.cle)
    with seen_by(scope), pytest.raises(TypeError, match="transaction"):
        await database.read().all(rows)
