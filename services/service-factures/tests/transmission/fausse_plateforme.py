"""A plateforme agréée for tests: a real HTTP server that keeps flows, after AFNOR XP Z12-013.

It answers late (`slow`), not at all (`down`, `couper`), wrongly (`repondre`), and knows what it has.
"""

import hashlib
import json
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from service_factures.transmission.plateforme import Compte
from service_testing.party import HttpParty, Raw, Request
from starlette.responses import JSONResponse, Response

DEPOSER, CHERCHER, TELECHARGER = "deposer", "chercher", "telecharger"
JETON, ANNUAIRE = "jeton", "annuaire"
_START: Final = datetime(2026, 1, 23, 8, 0, tzinfo=UTC)


@dataclass
class Flow:
    """A file that the platform has: ours, or a status for us (*entrant*)."""

    flow_id: str
    info: dict[str, Any]
    content: bytes
    entrant: bool
    at: datetime
    acknowledgement: dict[str, Any] = field(default_factory=lambda: {"status": "Pending"})

    def told(self) -> dict[str, Any]:
        """The flow as searches tell it."""
        kind = "CustomerInvoiceLC" if self.info["flowSyntax"] == "CDAR" else "CustomerInvoice"
        return {
            "flowId": self.flow_id,
            "submittedAt": self.at.isoformat(),
            "updatedAt": self.at.isoformat(),
            "trackingId": self.info.get("trackingId"),
            "flowDirection": "In" if self.entrant else "Out",
            "flowType": kind,
            "acknowledgement": self.acknowledgement,
        }


class FaussePlateforme(HttpParty):
    """The platform; *page* flows are told at a time, with a cursor after the last one if *suite*."""

    def __init__(self) -> None:
        super().__init__()
        self.flows: list[Flow] = []
        self.lignes: list[dict[str, Any]] = []
        self.page, self.suite, self.duree = 100, False, 3600
        # Of its own: accounts of former platforms at the same port are not taken for it.
        self.client_id, self.client_secret = f"crm-{uuid4()}", f"le-secret-du-compte-{uuid4()}"
        self.organisation = "ORG-7"
        self._jetons: list[str] = []
        self._issued = 0
        self._answers: dict[str, deque[Response | None]] = {}

    @property
    def compte(self) -> Compte:
        """The account of the société here."""
        url = f"http://127.0.0.1:{self.port}"
        return Compte(
            f"{url}/flow",
            f"{url}/directory/",
            f"{url}/token",
            self.client_id,
            self.client_secret,
            self.organisation,
        )

    @property
    def deposes(self) -> list[Flow]:
        """What was sent to it, in order."""
        return [one for one in self.flows if not one.entrant]

    def repondre(self, endpoint: str, *answers: Response) -> None:
        """Give these answers to the next requests at *endpoint*, and do nothing."""
        self._answers.setdefault(endpoint, deque()).extend(answers)

    def couper(self, endpoint: str, times: int = 1) -> None:
        """Do what the next requests at *endpoint* ask, and hang up instead of an answer."""
        self._answers.setdefault(endpoint, deque()).extend([None] * times)

    def revoquer(self) -> None:
        """Accept no token that was given until now."""
        self._jetons.clear()

    def arriver(self, cdar: bytes, tracking_id: str | None = None) -> Flow:
        """Let a status come in."""
        flow = Flow(
            f"in-{len(self.flows)}",
            {"flowSyntax": "CDAR", "trackingId": tracking_id},
            cdar,
            entrant=True,
            at=self._now(),
            acknowledgement={"status": "Ok"},
        )
        self.flows.append(flow)
        return flow

    def asked(self, endpoint: str) -> list[Request]:
        """The requests at *endpoint*, of tokens those for the account here."""
        found = [one for one in self.requests if _endpoint(one) == endpoint]
        return [one for one in found if one.parameters.get("client_id", self.client_id) == self.client_id]

    def _answer(self, request: Request) -> Response:
        endpoint = _endpoint(request)
        scripted = self._answers.get(endpoint)
        if scripted and scripted[0] is not None:
            return scripted.popleft() or Raw()
        if endpoint == JETON:
            answer = self._jeton(request)
        elif request.headers.get("authorization", "").removeprefix("Bearer ") not in self._jetons:
            answer = JSONResponse({"errorCode": "Unauthorized"}, 401)
        elif request.headers.get("organization-id") != self.organisation:
            answer = JSONResponse({"errorCode": "Forbidden"}, 403)
        else:
            answer = getattr(self, f"_{endpoint}")(request)
        if scripted:
            scripted.popleft()
            return Raw()
        return answer

    def _jeton(self, request: Request) -> Response:
        told = (request.parameters.get("client_id"), request.parameters.get("client_secret"))
        if told != (self.client_id, self.client_secret):
            return JSONResponse({"error": "invalid_client"}, 401)
        self._issued += 1
        self._jetons.append(f"jeton-{self._issued}")
        return JSONResponse(
            {"access_token": self._jetons[-1], "token_type": "Bearer", "expires_in": self.duree}
        )

    def _deposer(self, request: Request) -> Response:
        parts = _parts(request)
        info, content = json.loads(parts["flowInfo"]), parts["file"]
        if any(one.info.get("trackingId") == info["trackingId"] for one in self.deposes):
            return JSONResponse({"errorCode": "AlreadyExistingFlow", "errorMessage": "déjà là"}, 409)
        if hashlib.sha256(content).hexdigest() != info["sha256"]:
            return JSONResponse({"errorCode": "ChecksumMismatch", "errorMessage": "sha256"}, 422)
        flow = Flow(f"out-{len(self.flows)}", info, content, entrant=False, at=self._now())
        self.flows.append(flow)
        return JSONResponse({"flowId": flow.flow_id, "submittedAt": flow.at.isoformat(), **info}, 202)

    def _chercher(self, request: Request) -> Response:
        asked = json.loads(request.body)
        where, since = asked["where"], int(asked.get("cursor") or 0)
        if not where:
            return JSONResponse({"errorCode": "MissingCriterion"}, 400)
        found = [one for one in self.flows[since:] if _matches(one, where)]
        page = found[: min(self.page, asked["limit"])]
        end = self.flows.index(page[-1]) + 1 if page else since
        more = self.suite or len(found) > len(page)
        return JSONResponse(
            {
                "results": [one.told() for one in page],
                "limit": asked["limit"],
                "nextCursor": str(end) if more else None,
            }
        )

    def _telecharger(self, request: Request) -> Response:
        flow_id = request.path.rpartition("/")[2]
        found = next((one for one in self.flows if one.flow_id == flow_id), None)
        if found is None or request.parameters.get("docType") != "Original":
            return JSONResponse({"errorCode": "NotFound"}, 404)
        return Response(found.content, media_type="application/xml")

    def _annuaire(self, request: Request) -> Response:
        wanted = json.loads(request.body)["filters"]["siren"]
        found = [one for one in self.lignes if one["siren"] == wanted["value"]]
        return JSONResponse({"totalNumberResults": len(found), "results": found})

    def _now(self) -> datetime:
        return _START + timedelta(minutes=len(self.flows))


def _endpoint(request: Request) -> str:
    if request.path == "/token":
        return JETON
    if request.path.startswith("/directory/"):
        return ANNUAIRE
    if request.path == "/flow/v1/flows":
        return DEPOSER
    return CHERCHER if request.path == "/flow/v1/flows/search" else TELECHARGER


def _matches(flow: Flow, where: dict[str, Any]) -> bool:
    told = flow.told()
    after = where.get("updatedAfter")
    return (
        where.get("trackingId") in (None, told["trackingId"])
        and told["flowDirection"] in where.get("flowDirection", ["In", "Out"])
        and told["flowType"] in where.get("flowType", [told["flowType"]])
        and (after is None or flow.at >= datetime.fromisoformat(after))
    )


def _parts(request: Request) -> dict[str, bytes]:
    """The parts of a multipart form by their names (RFC 7578)."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    parts = {}
    for part in request.body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        name = head.partition(b'name="')[2].partition(b'"')[0].decode()
        parts[name] = content.removesuffix(b"\r\n")
    return parts
