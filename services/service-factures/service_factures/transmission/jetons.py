"""Tokens of our account on a platform (OAuth 2, client credentials), each kept until it expires."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Final

from db_utils import clock
from service_kit.outside import NoReply, Question, Reply, reply_to

from service_factures.transmission import reponses
from service_factures.transmission.port import NonAutorisee, Refusee, Tardive

_TIMEOUT: Final = 10.0  # seconds
_MARGIN: Final = timedelta(seconds=30)  # a token that expires on its way is refused
_DEFAULT: Final = 300  # seconds that a token lives whose answer does not say it
_LONGEST: Final = 24 * 3600  # seconds that a token is kept, whatever the answer says
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,8192}")  # RFC 6749 appendix A.12, without the space


class Jetons:
    """The token of one account; callers who need a new one at the same time ask for it once."""

    def __init__(self, url: str, client_id: str, client_secret: str) -> None:
        self._url = url
        self._form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret,
        }
        self._jeton, self._until = "", clock.now()
        self._lock = asyncio.Lock()

    async def jeton(self) -> str:
        """A token that is good now. Raises NonAutorisee, Tardive."""
        async with self._lock:
            if not self._jeton or clock.now() >= self._until:
                self._jeton, self._until = _read(await self._asked())
            return self._jeton

    def oublier(self) -> None:
        """Forget a token that the platform no longer accepts."""
        self._jeton = ""

    async def _asked(self) -> Reply:
        question = Question("jeton", "POST", self._url, form=self._form)
        try:
            return await reply_to(question, timeout=_TIMEOUT, attempts=1)
        except NoReply:
            raise Tardive("jeton: no answer") from None


def _read(reply: Reply) -> tuple[str, datetime]:
    """The token of an answer, and until when it is used. Raises NonAutorisee, Tardive."""
    try:
        content = reponses.accepted(reply)
    except Refusee as refused:  # RFC 6749 section 5.2: an account that is not known is a 400, too
        raise NonAutorisee(f"jeton: {refused.code}") from None
    jeton, seconds = content.get("access_token"), content.get("expires_in", _DEFAULT)
    if not isinstance(jeton, str) or not _TOKEN.fullmatch(jeton):
        raise Tardive("jeton: the answer has no token")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds < 0:
        seconds = _DEFAULT
    return jeton, clock.now() + timedelta(seconds=min(seconds, _LONGEST)) - _MARGIN
