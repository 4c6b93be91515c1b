"""The messages of a client stream, as its handler asks for them. Used only by `pipeline.py`.

One message is in memory at a time: the caller is held back until the handler asks for the next.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any

import grpc
from db_utils import context
from google.protobuf.message import Message

from grpc_utils.errors import FluxInterrompu, OrganisationDifferente
from grpc_utils.keyed import content_hash
from grpc_utils.methods import ORGANISATION_FIELD, Method
from grpc_utils.requests import parse

if TYPE_CHECKING:
    Context = grpc.aio.ServicerContext[Any, Any]
else:
    Context = grpc.aio.ServicerContext

PATIENCE = 60.0  # seconds from one message to the next; a live caller that sends nothing holds a call


class Incoming:
    """The messages of a call of *method*: *first*, which was admitted already, then those that come.

    With *hashed*, `content` tells the hash of all of them (C21).
    """

    def __init__(self, method: Method, first: Message, context: Context, *, hashed: bool) -> None:
        self._method, self._context = method, context
        self._hash = hashlib.sha256() if hashed else None
        self.messages = self._read(first)

    async def content(self) -> bytes:
        """Read what is left of the stream, and return the hash of all its messages."""
        async for _ in self.messages:
            pass
        assert self._hash is not None
        return self._hash.digest()

    async def _read(self, first: Message) -> AsyncGenerator[Message, None]:
        message: Message | None = first
        while message is not None:
            if self._hash is not None:
                self._hash.update(content_hash(message))
            yield message
            message = await self._next()

    async def _next(self) -> Message | None:
        """The next message, None at the end. Raises FluxInterrompu, OrganisationDifferente; see `parse`."""
        try:
            async with asyncio.timeout(PATIENCE):
                body: Any = await self._context.read()
        except TimeoutError:
            raise FluxInterrompu from None
        if body is grpc.aio.EOF:
            # A stream that was cut reads as one that has ended (grpc.aio 1.85), and the handler would
            # take a part for the whole. Only a call that is still there takes something.
            await self._context.send_initial_metadata(())
            return None
        message = parse(self._method.request, body)
        if self._method.names_organisation:
            _check_organisation(message)
        return message


def _check_organisation(message: Any) -> None:
    """Refuse a later message that names another organisation than the first one was admitted for (C6)."""
    named = getattr(message, ORGANISATION_FIELD)
    if named and named != context.scope.get().organisation_id:
        raise OrganisationDifferente
