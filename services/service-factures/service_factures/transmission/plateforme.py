"""The port over HTTP: the API of a plateforme agréée as AFNOR XP Z12-013 has it (R36).

`jetons.py` gets its tokens, `reponses.py` reads its answers. Whether and when a file is sent again is
said by the jobs: each call here is one attempt.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import orjson
from service_kit.outside import NoReply, Question, Reply, reply_to

from service_factures.transmission import reponses
from service_factures.transmission.dossier import AnnuaireNonConfigure
from service_factures.transmission.jetons import Jetons
from service_factures.transmission.port import Adresse, FlowInfo, Flux, Refusee, Tardive, TypeDocument

PAGE: Final = 100  # flows of an answer, the most that the standard allows
_LINES: Final = 50  # of the directory
_STATUSES: Final = {"flowDirection": ["In"], "flowType": ["CustomerInvoiceLC"]}
_LARGEST_FILE: Final = 100 * 1024 * 1024  # bytes, by the standard
_LARGEST_ANSWER: Final = 1024 * 1024  # bytes; a hundred flows have about 100 KB, a status some KB
_UNAUTHORIZED: Final = 401
_GONE: Final = frozenset({404, 410})
_MEDIA: Final = {"Factur-X": "application/pdf", "CDAR": "application/xml"}


@dataclass(frozen=True, slots=True)
class Compte:
    """The account of a société on its platform; *organisation* is the platform's own name of it, or ""."""

    flow_url: str
    directory_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that answers may take; for an address somebody waits."""

    deposit: float = 60.0
    question: float = 20.0
    address: float = 5.0


class Plateforme:
    """The platform of one société, reached through *compte*."""

    def __init__(self, compte: Compte, patience: Patience = Patience()) -> None:
        self.compte, self._patience = compte, patience
        self._jetons = Jetons(compte.token_url, compte.client_id, compte.client_secret)

    async def deposer(self, fichier: bytes, flow_info: FlowInfo) -> Flux:
        """Send *fichier*, once whatever happens to the answer: the platform knows its tracking_id."""
        if len(fichier) > _LARGEST_FILE:
            raise Refusee("FileSizeExceeded", f"more than {_LARGEST_FILE} bytes")
        parts = {
            "flowInfo": (None, orjson.dumps(_flow_info(flow_info)), "application/json"),
            "file": (flow_info.name, fichier, _MEDIA[flow_info.flow_syntax]),
        }
        question = Question(
            "deposer", "POST", self._flows(), parts=parts, repeatable=False, largest=_LARGEST_ANSWER
        )
        try:
            content = reponses.accepted(await self._asked(question, self._patience.deposit))
        except Refusee as refused:
            if refused.code != reponses.DEJA_LA:
                raise
            return await self._known(flow_info.tracking_id)
        flux = reponses.flux(content)
        if flux is None:
            raise Tardive("deposer: the answer names no flow")
        return flux

    async def chercher(
        self, curseur: str = "", *, tracking_id: str = "", depuis: datetime | None = None
    ) -> tuple[Sequence[Flux], str]:
        """Find the file of *tracking_id*, else a page of the statuses that came in after *curseur*."""
        where: dict[str, object] = {"trackingId": tracking_id} if tracking_id else dict(_STATUSES)
        if depuis is not None and not curseur:
            where["updatedAfter"] = depuis.isoformat()
        asked: dict[str, object] = {"limit": PAGE, "where": where}
        if curseur:
            asked["cursor"] = curseur
        content = await self._searched(f"{self._flows()}/search", "chercher", asked, self._patience.question)
        found = [one for one in map(reponses.flux, reponses.results(content)) if one is not None]
        return found, reponses.curseur(content)

    async def telecharger(self, flow_id: str, doc_type: TypeDocument = "Original") -> bytes:
        """The content of a file that came in, empty when it is larger than any status.

        One that is gone is refused like one that cannot be read: it will never come.
        """
        question = Question(
            "telecharger",
            "GET",
            f"{self._flows()}/{quote(flow_id, safe='')}",
            query={"docType": doc_type},
            headers={"accept": "*/*"},
            largest=_LARGEST_ANSWER,
        )
        reply = await self._asked(question, self._patience.question)
        if reply.status in _GONE:
            raise Refusee(f"HTTP_{reply.status}")
        reponses.accepted(reply)
        return reply.body

    async def chercher_adresse(self, siren: str) -> Sequence[Adresse]:
        """The addresses at which a company receives invoices now. Raises AnnuaireNonConfigure."""
        if not self.compte.directory_url:
            raise AnnuaireNonConfigure
        url = f"{self.compte.directory_url.rstrip('/')}/v1/directory-line/search"
        asked = {"filters": {"siren": {"op": "strict", "value": siren}}, "limit": _LINES, "ignore": 0}
        content = await self._searched(url, "chercher_adresse", asked, self._patience.address)
        return [one for one in map(reponses.adresse, reponses.results(content)) if one is not None]

    async def _known(self, tracking_id: str) -> Flux:
        """The file that the platform has under *tracking_id* already."""
        found, _ = await self.chercher(tracking_id=tracking_id)
        return found[0] if found else Flux(flow_id="", tracking_id=tracking_id)

    async def _searched(
        self, url: str, operation: str, asked: Mapping[str, object], timeout: float
    ) -> Mapping[str, Any]:
        question = Question(operation, "POST", url, json=asked, largest=_LARGEST_ANSWER)
        return reponses.accepted(await self._asked(question, timeout))

    async def _asked(self, question: Question, timeout: float) -> Reply:
        """The answer to *question*, with a new token should the platform no longer know ours.

        Raises Tardive, NonAutorisee.
        """
        reply = await self._once(question, timeout)
        if reply.status == _UNAUTHORIZED:
            self._jetons.oublier()
            reply = await self._once(question, timeout)
        return reply

    async def _once(self, question: Question, timeout: float) -> Reply:
        headers = {**(question.headers or {}), "request-id": str(uuid4())}
        if self.compte.organisation:
            headers["organization-id"] = self.compte.organisation
        asked = replace(question, headers=headers, bearer=await self._jetons.jeton())
        try:
            return await reply_to(asked, timeout=timeout, attempts=1)
        except NoReply:
            raise Tardive(f"{question.operation}: no answer") from None

    def _flows(self) -> str:
        return f"{self.compte.flow_url.rstrip('/')}/v1/flows"


def _flow_info(told: FlowInfo) -> dict[str, str]:
    info = {
        "trackingId": told.tracking_id,
        "name": told.name,
        "processingRule": told.processing_rule,
        "flowSyntax": told.flow_syntax,
        "flowProfile": told.flow_profile,
        "sha256": told.sha256,
    }
    return {name: value for name, value in info.items() if value}
