"""List calls: the page that a request asks for, and the answer that tells it (C8)."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeVar

from crm.common import common_pb2
from db_utils import LARGEST_SIZE, Listing, Page, PageRequest, Reader, Row
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from grpc_utils.messages import instant, to_message

R = TypeVar("R", bound=Row)
M = TypeVar("M", bound=Message)

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


async def page_of(
    listing: Listing[R],
    reader: Reader,
    request: Any,
    *,
    current: Mapping[str, object] = _NOTHING,
    **filters: object,
) -> Page[R]:
    """The page of *listing* that *request* asks for by its fields `pagination` and, if any, `search`.

    A filter takes the field of *request* that has its name, a Timestamp as an instant, unless
    *filters* holds another value for it. A field that is absent, or without `optional` empty, 0 or
    false, filters nothing. *current* is that of `Listing.page`. Raises DateInvalide, and what that
    raises.
    """
    sent: dict[str, Any] = {field.name: value for field, value in request.ListFields()}
    named: dict[str, object] = {
        name: instant(value) if isinstance(value, Timestamp) else value
        for name, value in sent.items()
        if name in listing.filters
    }
    search, page = sent.get("search", ""), page_request(request.pagination)
    return await listing.page(reader, page, search=search, current=current, **named | filters)


def page_request(pagination: common_pb2.Pagination) -> PageRequest:
    """The page that a List call asks for (C8), as db_utils takes it."""
    return PageRequest(
        pagination.page_size,
        pagination.page_token,
        pagination.sort_by,
        pagination.sort_order,
        pagination.with_total,
    )


def list_answer(
    kind: type[M], page: Page[Any], messages: Iterable[Message] | None = None, **extra: object
) -> M:
    """The answer to a List call: *page* in the one repeated field of *kind*, and the token of the next page.

    *messages* are its rows as messages, by default those that `to_message` makes; *extra* fills
    the other fields of *kind*.
    """
    field, entry = _listings.get(kind) or _new_listing(kind)
    entries = messages if messages is not None else [to_message(row, entry) for row in page.rows]
    pagination = common_pb2.PaginationResult(next_page_token=page.next_token, total=page.total)
    return kind(**{field: entries}, pagination=pagination, **extra)


async def all_pages(method: Callable[[Any], Any], request: Any) -> AsyncIterator[Any]:
    """The answers of the List *method* of another service, page after page (C8).

    *request* is changed to ask for each page, all as large as they may be. Raises what *method* raises.
    """
    request.pagination.page_size = LARGEST_SIZE
    while True:
        answer = await method(request)
        yield answer
        request.pagination.page_token = answer.pagination.next_page_token
        if not request.pagination.page_token:
            return


_listings: dict[type[Message], tuple[str, type[Message]]] = {}


def _new_listing(kind: type[Message]) -> tuple[str, type[Message]]:
    """The one repeated field of a List answer, and the class of its entries."""
    (field,) = (field for field in kind.DESCRIPTOR.fields if field.is_repeated)
    entry: Any = field.message_type
    listing = _listings[kind] = field.name, GetMessageClass(entry)
    return listing
