"""Conversions between rows and messages, from which the standard methods of services are made."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from db_utils import Row
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct
from google.protobuf.timestamp_pb2 import Timestamp

from grpc_utils.errors import ChampRequis, DateInvalide, FormatInvalide, Introuvable, TropLong

M = TypeVar("M", bound=Message)
T = TypeVar("T")

_LARGEST_STRUCTURE = 8192  # bytes, serialised (C10)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


def timestamp(instant: datetime) -> Timestamp:
    """*instant*, which has a time zone, as a Timestamp."""
    since = instant - _EPOCH
    return Timestamp(seconds=since // _SECOND, nanos=since.microseconds * 1000)


def instant(message: Timestamp) -> datetime:
    """*message* as an instant in UTC (C3). Raises DateInvalide outside the years 1 to 9999."""
    try:
        return _EPOCH + timedelta(seconds=message.seconds, microseconds=message.nanos // 1000)
    except OverflowError:
        raise DateInvalide from None


def _struct(content: Mapping[str, Any]) -> Struct:
    message = Struct()
    message.update(content)
    return message


_CONVERSIONS: Mapping[type, Callable[[Any], object]] = {
    UUID: str,
    datetime: timestamp,
    date: date.isoformat,
    Decimal: float,
    dict: _struct,
}


_Plan = tuple[tuple[str, Callable[[Any], object] | None], ...]
_plans: dict[tuple[type[Row], type[Message]], _Plan] = {}


def _new_plan(row: type[Row], message: type[Message]) -> _Plan:
    columns = row.__table__.columns
    # A column cannot become a list of messages by itself: the caller gives those fields as *extra*.
    plan = _plans[row, message] = tuple(
        (field.name, _CONVERSIONS.get(columns[field.name].type.python_type))
        for field in message.DESCRIPTOR.fields
        if field.name in columns and not (field.is_repeated and field.message_type)
    )
    return plan


def to_message(row: Row, kind: type[M], **extra: object) -> M:
    """*row* as a message of *kind*: each column goes to the field of its name, NULL stays absent.

    *extra* fills the fields that are not columns. Which columns are converted how is found out once
    for each pair of classes.
    """
    attributes = row.__dict__
    values: dict[str, Any] = {}
    for name, convert in _plans.get((type(row), kind)) or _new_plan(type(row), kind):
        value = attributes[name]
        if value is not None:
            values[name] = convert(value) if convert is not None else value
    return kind(**values, **extra)


def found(row: T | None, champ: str | None = None) -> T:
    """Return *row*. Raises Introuvable for None, whether the row is deleted, another's, or never was.

    *champ* is the field that names the row, where a request may name several.
    """
    if row is None:
        raise Introuvable if champ is None else Introuvable(champ=champ)
    return row


def changes(request: Message, fields: Iterable[str], *, mandatory: Iterable[str] = ()) -> dict[str, Any]:
    """Values of those *fields* that are present in an Update; an absent field stays unchanged (C9).

    An empty text becomes None, which clears the column. Raises ChampRequis when one of *mandatory*
    is cleared.
    """
    refused = frozenset(mandatory)
    present: dict[str, Any] = {}
    for name in fields:
        if request.HasField(name):
            value = getattr(request, name)
            present[name] = None if value == "" else value
            if value == "" and name in refused:
                raise ChampRequis(champ=name)
    return present


def free_structure(asked: Struct, champ: str) -> dict[str, Any]:
    """Content of *asked* as it is stored, at most 8 KiB (C10). Raises TropLong, FormatInvalide."""
    if asked.ByteSize() > _LARGEST_STRUCTURE:
        raise TropLong(champ=champ)
    try:
        return MessageToDict(asked)
    except ValueError:  # JSON has no NaN and no infinity
        raise FormatInvalide(champ=champ) from None


def expected_version(request: Any) -> int | None:
    """The version that an Update expects (C9), None when it expects none."""
    return request.version if request.HasField("version") else None
