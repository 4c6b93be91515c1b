"""Bases of the table classes of all services.

The `models.py` of a service derives its own `Base(Row)` with its own metadata and combines it
with the mixins below. Rows are values: they are read, inserted and changed through a
`Transaction`, never by assigning to their attributes.
"""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, dataclass_transform
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, DateTime, MetaData, Numeric, String, Table, event, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, configure_mappers, mapped_column

from db_utils import clock
from db_utils.ids import uuid7

ORGANISATION_COLUMN = "organisation_id"
DELETED_COLUMN = "supprime_le"


@dataclass_transform(kw_only_default=True, field_specifiers=(mapped_column,))
class Row(MappedAsDataclass, DeclarativeBase, kw_only=True, repr=False, eq=False):
    """Base of all table classes.

    Constructors take keyword arguments only. `repr` shows no column, so that no personal data
    reaches a log.
    """

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        Decimal: Numeric(14, 2),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__tablename__" in cls.__dict__:
            type.__setattr__(cls, "__init__", _constructor(cls))


def _constructor(cls: type[Row]) -> Callable[..., None]:
    """A constructor with the signature of the generated one that only stores values.

    SQLAlchemy's constructor prepares each instance for its session, which is never used here:
    that took a third of the time of a Create of clients.
    """
    fields = [field for field in dataclasses.fields(cls) if field.init]
    factories = {
        field.name: field.default_factory
        for field in fields
        if field.default_factory is not dataclasses.MISSING
    }
    mapper = cls.__mapper__
    defaults = {column.key: getattr(column.default, "arg", None) for column in mapper.columns}
    known = frozenset(field.name for field in fields)
    needed = frozenset(
        field.name
        for field in fields
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    )
    copies = getattr(cls, "copies", {}).items()

    def construct(self: Row, **values: Any) -> None:
        if not needed <= values.keys() <= known:
            raise TypeError(f"{cls.__name__} takes {sorted(known)} and needs {sorted(needed)}")
        if not mapper.configured:
            configure_mappers()  # or the attributes of this row would not work
        attributes = self.__dict__
        attributes.update(defaults)
        attributes.update(values)
        for name, make in factories.items():
            if name not in values:
                attributes[name] = make()
        for name, source in copies:
            attributes[name] = attributes[source]

    return construct


def metadata() -> MetaData:
    """An empty set of tables whose constraints get predictable names, such as `fk_pieces_fiche_id`."""
    return MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )


class Versioned(MappedAsDataclass, kw_only=True, repr=False, eq=False):
    """The columns of every entity besides its id (C12): creation, last change, version."""

    created_at: Mapped[datetime] = mapped_column(default_factory=clock.now, server_default=text("now()"))
    updated_at: Mapped[datetime] = mapped_column(init=False)
    version: Mapped[int] = mapped_column(init=False, default=1, server_default=text("1"))

    # Columns of a new row that begin with the value of another one.
    copies: ClassVar[Mapping[str, str]] = {"updated_at": "created_at"}


class Entity(Versioned, kw_only=True, repr=False, eq=False):
    """An entity with a UUID version 7, made when the row is constructed."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default_factory=uuid7)


class Tenant(MappedAsDataclass, kw_only=True, repr=False, eq=False):
    """A table whose rows belong to an organisation; a scoped read sees those of its own."""

    organisation_id: Mapped[str] = mapped_column(String(64))


class TenantOrSystem(MappedAsDataclass, kw_only=True, repr=False, eq=False):
    """A table with rows of organisations and rows of the system, whose `organisation_id` is NULL.

    A scoped read sees the rows of its organisation and those of the system.
    """

    organisation_id: Mapped[str | None] = mapped_column(String(64))


class SoftDelete(MappedAsDataclass, kw_only=True, repr=False, eq=False):
    """A table whose deleted rows are kept, invisible to every read of the kernel (C11)."""

    supprime_le: Mapped[datetime | None] = mapped_column(init=False, default=None)


class Choice(String):
    """A text column with a closed list of values, compared case-sensitively (C1).

    The list is checked before a row is sent, which raises UnknownChoice, and by a CHECK constraint.
    """

    def __init__(self, *values: str, length: int = 20) -> None:
        super().__init__(length)
        self.values = values


@event.listens_for(Column, "after_parent_attach")
def _check_choice(column: Column[Any], table: Table) -> None:
    if isinstance(column.type, Choice):
        table.append_constraint(CheckConstraint(column.in_(column.type.values), name=column.name))
