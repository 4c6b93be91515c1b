"""The port over HTTP, towards a platform that is late, refuses, hangs up or answers nonsense."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final

import pytest
from service_factures.transmission import NonAutorisee, Refusee, Tardive
from service_factures.transmission.plateforme import Compte, Patience, Plateforme
from service_testing import eventually
from service_testing.party import Raw
from starlette.responses import JSONResponse, Response
from tests.transmission.depots import PDF, info
from tests.transmission.fausse_plateforme import (
    ANNUAIRE,
    CHERCHER,
    DEPOSER,
    JETON,
    TELECHARGER,
    FaussePlateforme,
)

Call = Callable[[Plateforme], Awaitable[object]]
CALLS: Final[dict[str, Call]] = {
    DEPOSER: lambda one: one.deposer(PDF, info()),
    CHERCHER: lambda one: one.chercher(),
    TELECHARGER: lambda one: one.telecharger("in-0"),
    ANNUAIRE: lambda one: one.chercher_adresse("732829320"),
}


@pytest.mark.parametrize("endpoint", CALLS)
@pytest.mark.parametrize("status", [302, 404, 429, 500, 503])
async def test_R36_other_answers_ask_for_patience(
    endpoint: str, status: int, plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """The file may have arrived; each call is one attempt. A file that is gone is refused."""
    fausse.repondre(endpoint, Response(status_code=status))
    with pytest.raises(Refusee if (endpoint, status) == (TELECHARGER, 404) else Tardive):
        await CALLS[endpoint](plateforme)
    assert len(fausse.asked(endpoint)) == 1


async def test_R36_the_time_that_is_asked_for_is_told(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """In seconds; without it our own back-off counts."""
    fausse.repondre(
        DEPOSER, Response(status_code=429, headers={"retry-after": "90"}), Response(status_code=503)
    )
    told = []
    for _ in range(2):
        with pytest.raises(Tardive) as late:
            await plateforme.deposer(PDF, info())
        told.append(late.value.attendre)
    assert told == [timedelta(seconds=90), None]


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_R36_a_file_that_will_never_do_is_refused(
    status: int, plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """With the platform's code and words, cut to what is kept."""
    error = {"errorCode": "InvalidSchema\x00", "errorMessage": "m" * 600}
    fausse.repondre(DEPOSER, JSONResponse(error, status))
    with pytest.raises(Refusee) as refused:
        await plateforme.deposer(PDF, info())
    assert (refused.value.code, refused.value.texte) == ("InvalidSchema", "m" * 500)


async def test_R36_a_refusal_without_code_has_that_of_http(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """As from a gateway before the platform."""
    fausse.repondre(DEPOSER, Response("<html>", 413))
    with pytest.raises(Refusee) as refused:
        await plateforme.deposer(PDF, info())
    assert refused.value.code == "HTTP_413"


async def test_R36_a_conflict_of_another_kind_asks_for_patience(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """409 says that the file is there with AlreadyExistingFlow alone."""
    fausse.repondre(DEPOSER, JSONResponse({"errorCode": "Busy"}, 409))
    with pytest.raises(Tardive):
        await plateforme.deposer(PDF, info())


@pytest.mark.parametrize("status", [401, 403])
async def test_R36_an_account_that_is_not_accepted(
    status: int, plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """After a new token, where a former one may be the cause."""
    fausse.repondre(DEPOSER, *[Response(status_code=status)] * 2)
    with pytest.raises(NonAutorisee):
        await plateforme.deposer(PDF, info())
    assert len(fausse.asked(DEPOSER)) == (2 if status == 401 else 1)


TOKENS: Final[dict[str, tuple[Response, type[Exception]]]] = {
    "not known": (JSONResponse({"error": "invalid_client"}, 400), NonAutorisee),
    "not allowed": (JSONResponse({"error": "invalid_client"}, 401), NonAutorisee),
    "away": (Response(status_code=503), Tardive),
    "hung up": (Raw(), Tardive),
    "no JSON": (Response("<html>"), Tardive),
    "no token": (JSONResponse({"expires_in": 60}), Tardive),
    "no word": (JSONResponse({"access_token": "deux mots"}), Tardive),
}


@pytest.mark.parametrize("name", TOKENS)
async def test_R36_without_a_token_nothing_is_sent(
    name: str, plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """Whoever says no counts."""
    answer, error = TOKENS[name]
    fausse.repondre(JETON, answer)
    with pytest.raises(error):
        await plateforme.deposer(PDF, info())
    assert fausse.asked(DEPOSER) == []


@pytest.mark.parametrize("seconds", [None, "soon", True, -1])
async def test_a_token_of_unknown_life_is_used(
    seconds: Any, plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """At least for the request that it was asked for."""
    fausse.duree = seconds
    await plateforme.deposer(PDF, info())
    assert len(fausse.deposes) == 1


async def test_R36_a_connection_cut_after_storing_leaves_one_flow(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """Whoever searches by our id finds it; whoever sends it again gets the one that is there."""
    fausse.couper(DEPOSER)
    with pytest.raises(Tardive):
        await plateforme.deposer(PDF, info())
    ((found,), _) = await plateforme.chercher(tracking_id="facture-1")
    again = await plateforme.deposer(PDF, info())
    assert (found.flow_id, again.flow_id, len(fausse.deposes)) == ("out-0", "out-0", 1)


async def test_R36_a_platform_that_does_not_find_what_it_has_is_believed(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """The file is there, under an id that is not known."""
    fausse.repondre(DEPOSER, JSONResponse({"errorCode": "AlreadyExistingFlow"}, 422))
    flux = await plateforme.deposer(PDF, info())
    assert (flux.flow_id, flux.tracking_id) == ("", "facture-1")


@pytest.mark.parametrize("answer", [JSONResponse({}, 202), JSONResponse({"flowId": 7}, 202), Response("ok")])
async def test_R36_an_answer_that_names_no_flow_is_none(
    answer: Response, plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """The next attempt searches first."""
    fausse.repondre(DEPOSER, answer)
    with pytest.raises(Tardive):
        await plateforme.deposer(PDF, info())


NONSENSE: Final[list[Any]] = [
    None,
    {"results": None},
    {"results": [None, 7, {}, {"flowId": ""}, {"flowId": "f" * 101}]},
    {"results": [], "nextCursor": 7},
]


@pytest.mark.parametrize("content", NONSENSE)
async def test_R37_a_search_answered_with_nonsense_finds_nothing(
    content: Any, plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """And has no further page."""
    fausse.repondre(CHERCHER, JSONResponse(content))
    assert await plateforme.chercher() == ([], "")


async def test_R37_a_flow_with_strange_fields_is_a_flow(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """Its id is enough."""
    strange = {"flowId": "in-1", "updatedAt": "hier", "acknowledgement": {"status": "?"}, "trackingId": None}
    fausse.repondre(CHERCHER, JSONResponse({"results": [strange]}))
    ((found,), _) = await plateforme.chercher()
    assert (found.flow_id, found.modifie_le, found.acquittement) == ("in-1", None, None)


async def test_R36_a_platform_that_is_away_asks_for_patience(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """Before and after a token."""
    await plateforme.chercher()
    async with fausse.down():
        for call in CALLS.values():
            with pytest.raises(Tardive):
                await call(plateforme)


async def test_R36_an_id_cannot_lead_elsewhere(plateforme: Plateforme, fausse: FaussePlateforme) -> None:
    """It is a part of a path, whatever it holds."""
    with pytest.raises(Refusee):
        await plateforme.telecharger("../../token?x=1")
    assert [one.path for one in fausse.requests][-1].startswith("/flow/v1/flows/")


async def test_R36_a_file_beyond_the_limit_of_the_standard_is_not_sent(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """The platform would refuse it."""
    with pytest.raises(Refusee):
        await plateforme.deposer(bytes(100 * 1024 * 1024 + 1), info(b""))
    assert fausse.asked(DEPOSER) == []


async def test_R36_an_answer_that_comes_too_late_leaves_one_flow(
    plateforme: Plateforme, fausse: FaussePlateforme
) -> None:
    """The file arrives all the same, and is found by our id."""
    await plateforme.chercher()  # which gets a token
    hasty = Plateforme(fausse.compte, Patience(deposit=0.2))
    await hasty.chercher()
    with fausse.slow(), pytest.raises(Tardive):
        await hasty.deposer(PDF, info())
    await eventually(lambda: len(fausse.deposes) == 1)
    ((found,), _) = await plateforme.chercher(tracking_id="facture-1")
    assert ((await plateforme.deposer(PDF, info())).flow_id, len(fausse.deposes)) == (found.flow_id, 1)


async def test_another_company_is_not_let_in(fausse: FaussePlateforme) -> None:
    """The platform knows accounts by their own names of companies."""
    told = fausse.compte
    other = Compte(told.flow_url, "", told.token_url, told.client_id, told.client_secret, "ORG-8")
    with pytest.raises(NonAutorisee):
        await Plateforme(other).deposer(PDF, info())
