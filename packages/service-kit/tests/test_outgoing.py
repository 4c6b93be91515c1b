"""Commands to other services (C22): sent after their commit, in order, until they are answered."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import grpc
import pytest
from crm.clients import clients_pb2 as pb
from db_utils import clock, context
from grpc_utils import Peers
from grpc_utils.errors import CleIdempotenceReutilisee, ExisteDeja, Introuvable, Refusal, VersionPerimee
from service_kit import App
from service_kit.outgoing import (
    ABANDONNEE,
    EN_ATTENTE,
    ENVOYEE,
    REFUSEE,
    Command,
    CommandeSortante,
    queue,
)
from service_kit.outgoing.command import growing
from service_kit.outgoing.component import PURGE
from service_kit.outgoing.sender import Sender
from service_testing import eventually, running
from sqlalchemy import select
from tests.owing import ADD, DAY, IMPATIENT, OWING, PATIENT, SECRET, TOLD, Office, an_office


@pytest.fixture
async def office() -> AsyncIterator[Office]:
    """A service that owes commands."""
    async with an_office() as one:
        yield one


async def test_C22_a_command_is_sent_under_its_organisation_and_correlation_id(office: Office) -> None:
    """And is over with the answer; nothing of its request stays."""
    token = context.correlation_id.set("trace-1")
    await office.owe(organisation_id="org-1")
    context.correlation_id.reset(token)
    await office.send()
    (call,) = office.callee.calls
    assert (call.scope.organisation_id, call.correlation_id) == ("org-1", "trace-1")
    row = await office.row()
    assert (row.etat, row.tentatives, row.charge) == (ENVOYEE, 1, {})


async def test_C22_a_command_is_written_with_its_change_or_not_at_all(office: Office) -> None:
    """A transaction that fails owes nothing."""
    with pytest.raises(ZeroDivisionError):
        async with office.app.database.transaction() as tx:
            await queue(tx, ADD, pb.CreateStatutClientRequest(code="C", nom="n"), key="n")
            raise ZeroDivisionError
    assert await office.rows() == []


async def test_C22_a_key_owes_one_command_per_organisation(office: Office) -> None:
    """However often it is written."""
    for organisation in ("", "", "org-1", "org-1", "org-2"):
        await office.owe(organisation_id=organisation)
    assert [row.organisation_id for row in await office.rows()] == [None, "org-1", "org-2"]


class Inconnue(Refusal):
    """Personne ne sait ce que l'appel a fait."""

    code = grpc.StatusCode.UNKNOWN


class Annulee(Refusal):
    """L'appel a été interrompu en chemin."""

    code = grpc.StatusCode.CANCELLED


@pytest.mark.parametrize("failure", [VersionPerimee(), RuntimeError("a bug"), Inconnue(), Annulee()])
async def test_C22_a_command_that_cannot_be_answered_now_waits(office: Office, failure: Exception) -> None:
    """ABORTED and INTERNAL are of the moment, UNKNOWN and CANCELLED tell nothing: sent again after 5 s."""
    office.callee.failures.append(failure)
    await office.owe()
    await office.send()
    await office.send()
    waiting = await office.row()
    assert (waiting.etat, waiting.tentatives, len(office.callee.calls)) == (EN_ATTENTE, 1, 1)
    with clock.frozen_at(clock.now() + timedelta(seconds=6)):
        await office.send()
    assert (await office.row()).etat == ENVOYEE


async def test_C22_a_command_to_a_service_that_is_away_waits(office: Office) -> None:
    """UNAVAILABLE, for as long as it takes."""
    peers = Peers({}, None)
    away = replace(office, app=App(office.app.settings, office.app.database, peers))
    await away.owe()
    await away.send()
    await peers.close()
    row = await office.row()
    assert (row.etat, row.erreur) == (EN_ATTENTE, "UNAVAILABLE DEPENDANCE_INDISPONIBLE")


@pytest.mark.parametrize(
    ("command", "failure", "etat"),
    [
        (ADD, ExisteDeja(), REFUSEE),
        (PATIENT, Introuvable(), EN_ATTENTE),
        (TOLD, CleIdempotenceReutilisee(), ENVOYEE),
        (TOLD, ExisteDeja(), REFUSEE),
    ],
)
async def test_C22_a_refusal_ends_a_command_unless_it_says_otherwise(
    office: Office, command: Command[pb.CreateStatutClientRequest], failure: Refusal, etat: str
) -> None:
    """Reasons that mean "not yet" are waited out, reasons that mean "already" are success."""
    office.callee.failures.append(failure)
    await office.owe(command=command)
    await office.send()
    assert (await office.row()).etat == etat


async def test_C22_commands_about_one_object_keep_their_order(office: Office) -> None:
    """The second waits for the end of the first; one about something else does not."""
    office.callee.failures.append(VersionPerimee())
    await office.owe("first", about="facture-1")
    await office.send()
    await office.owe("second", about="facture-1")
    await office.owe("other", about="facture-2")
    await office.send()
    assert [row.etat for row in await office.rows()] == [EN_ATTENTE, EN_ATTENTE, ENVOYEE]
    with clock.frozen_at(clock.now() + timedelta(seconds=6)):
        await office.send()
    assert [row.etat for row in await office.rows()] == [ENVOYEE] * 3


async def test_C22_a_refused_command_lets_the_next_one_of_its_object_go(office: Office) -> None:
    """It would be refused for ever in the same way."""
    office.callee.failures.append(ExisteDeja())
    await office.owe("first", about="facture-1")
    await office.owe("second", about="facture-1")
    await office.send()
    assert [row.etat for row in await office.rows()] == [REFUSEE, ENVOYEE]


async def test_C22_organisations_do_not_wait_for_each_other(office: Office) -> None:
    """An outside id may be the same in two of them."""
    office.callee.failures.append(VersionPerimee())
    await office.owe("first", about="client-1", organisation_id="org-1")
    await office.send()
    await office.owe("other", about="client-1", organisation_id="org-2")
    await office.send()
    assert [row.etat for row in await office.rows()] == [EN_ATTENTE, ENVOYEE]


async def test_C22_a_command_that_fails_by_a_bug_waits_and_delays_no_other(office: Office) -> None:
    """It would be sent every second otherwise, and be the end of each run."""

    async def fail(peers: Peers, request: pb.CreateStatutClientRequest) -> None:
        if request.nom == "bug":
            raise ZeroDivisionError
        await ADD.send(peers, request)

    buggy = replace(ADD, send=fail)
    for name in ("bug", "next"):
        await office.owe(name, command=buggy)
    await Sender(buggy).send_due(office.app)
    assert [(row.etat, row.erreur) for row in await office.rows()] == [
        (EN_ATTENTE, "INTERNAL ZeroDivisionError"),
        (ENVOYEE, ""),
    ]


async def test_a_command_is_given_up_when_its_kind_says_so(office: Office) -> None:
    """After the time of its kind, not before."""
    await office.owe(command=IMPATIENT)
    for later, etat in ((timedelta(0), EN_ATTENTE), (DAY, ABANDONNEE)):
        office.callee.failures.append(VersionPerimee())
        with clock.frozen_at(clock.now() + later):
            await office.send()
        assert (await office.row()).etat == etat
    assert (await office.row()).charge == {}


async def test_C15_secrets_of_a_command_are_sealed_until_they_are_sent(office: Office) -> None:
    """The row holds an envelope, the callee reads the text."""
    await office.owe(command=SECRET)
    charge = (await office.row()).charge
    assert (charge["nom"], charge["description"][:6]) == ("n", "v1.k1.")
    await office.send()
    assert office.callee.requests[0].description == "de n"


async def test_a_secret_without_anything_to_seal_it_is_a_bug(office: Office) -> None:
    """It never reaches a table in the clear."""
    async with office.app.database.transaction() as tx:
        with pytest.raises(TypeError, match="no envelope"):
            await queue(tx, SECRET, pb.CreateStatutClientRequest(description="s"), key="n")


async def test_commands_are_forgotten_a_month_after_their_end(office: Office) -> None:
    """Those that wait are kept."""
    office.callee.failures.append(VersionPerimee())
    await office.owe("waits")
    await office.send()
    await office.owe("sent")
    await office.send()
    assert [row.etat for row in await office.rows()] == [EN_ATTENTE, ENVOYEE]
    with clock.frozen_at(clock.now() + timedelta(days=31)):
        await PURGE.run(office.app)
    assert [row.cle for row in await office.rows()] == ["waits"]


async def test_C22_a_command_is_sent_right_after_its_commit() -> None:
    """By the worker that the component brings; a kind that only another version knows waits for that."""
    async with running(OWING) as mesh:
        app = mesh["clients"].app
        request = pb.CreateStatutClientRequest(code="C", nom="n")
        async with app.database.transaction() as tx:
            await queue(tx, replace(ADD, name="inconnu"), request, key="n", organisation_id="org-1")
            await queue(tx, ADD, request, key="n", organisation_id="org-1")

        async def states() -> bool:
            rows = await app.database.read().all(select(CommandeSortante))
            return {row.type: row.etat for row in rows} == {"inconnu": EN_ATTENTE, "ajout": ENVOYEE}

        await eventually(states, timeout=0.9)


def test_C22_the_pauses_grow_from_five_seconds_to_an_hour() -> None:
    """Doubled each time."""
    assert [growing(attempts).total_seconds() for attempts in (1, 2, 3, 10, 11, 1000)] == [
        5, 10, 20, 2560, 3600, 3600,
    ]  # fmt: skip
