"""Walking through a list as a client does: page after page, until no token is given."""

from collections.abc import AsyncIterator, Callable
from typing import Any


async def pages(method: Callable[[Any], Any], request: Any) -> AsyncIterator[Any]:
    """The answers of the List *method* to *request*, which is changed to ask for each page."""
    while True:
        answer = await method(request)
        yield answer
        request.pagination.page_token = answer.pagination.next_page_token
        if not request.pagination.page_token:
            return
