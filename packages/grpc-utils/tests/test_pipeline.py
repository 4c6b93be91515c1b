"""The pipeline around unary calls: order of the checks, context of the handler, answers to the caller."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import grpc
import pytest
from db_utils import NOTHING, Scope, SerializationConflict, context, errors
from grpc_utils import Context, Identity, Tenancy, caller, deadline
from grpc_utils.database_refusals import refusal_of
from grpc_utils.errors import ChampRequis, ExisteDeja, TropDeRequetes
from service_testing import eventually, refusal
from service_testing.echo import Echo, echoing


async def answer(request: Any, context: Context) -> Any:
    """Answer the request itself."""
    return request


async def never(request: Any, context: Context) -> Any:
    """Fail: no call may reach this handler."""
    raise AssertionError("the handler was entered")


async def test_C5_a_caller_without_a_token_is_told_how_to_send_one() -> None:
    """The refusal is UNAUTHENTICATED JETON_MANQUANT, and its sentence names the metadata."""
    async with echoing(Write=never) as echo:
        told = await refusal(echo.call("Write", caller=[]))
    assert (told.code, told.reason) == (grpc.StatusCode.UNAUTHENTICATED, "JETON_MANQUANT")
    assert (told.domain, "« authorization »" in told.message) == ("crm.echo", True)


@pytest.mark.parametrize(("lifetime", "reason"), [(-60, "JETON_EXPIRE"), (60, None)], ids=["expired", "good"])
async def test_C5_an_expired_token_has_a_reason_of_its_own(lifetime: int, reason: str | None) -> None:
    """JETON_EXPIRE tells a client to fetch another token; the same token before its end is accepted."""
    async with echoing(Write=answer) as echo:
        call = echo.call("Write", caller=echo.user(lifetime=lifetime))
        assert (await refusal(call)).reason == reason if reason else await call


async def test_C6_another_organisation_is_refused_before_the_handler() -> None:
    """A foreign organisation in the request or in the metadata is refused, and the handler is not entered."""
    async with echoing(Write=never) as echo:
        in_request = await refusal(echo.call("Write", organisation_id="org-2"))
        header, own = ("x-organisation-id", "org-2"), ("x-organisation-id", "org-1")
        in_header = await refusal(echo.call("Write", metadata=[header]))
        in_the_first = await refusal(echo.call("Write", metadata=[header, own]))
    for told in (in_request, in_header, in_the_first):
        assert (told.code, told.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ORGANISATION_DIFFERENTE")


@pytest.mark.parametrize(
    ("organisation", "requested", "tenancy", "seen", "scope"),
    [
        ("org-1", "", Tenancy(), "org-1", Scope("org-1")),
        ("org-1", "org-1", Tenancy(), "org-1", Scope("org-1")),
        (None, "org-2", Tenancy(), "org-2", Scope("org-2")),
        (None, "org-2", Tenancy(claim_required=True), "", NOTHING),
        ("", "", Tenancy(), "", NOTHING),
        ("", "", Tenancy(default_organisation="org-d"), "org-d", Scope("org-d")),
    ],
)
async def test_C6_a_handler_reads_the_organisation_in_its_request(
    organisation: str | None, requested: str, tenancy: Tenancy, seen: str, scope: Scope
) -> None:
    """The request holds the organisation that was decided, and the scope of the database is the same."""
    scopes = []

    async def note(request: Any, _: Context) -> Any:
        scopes.append(context.scope.get())
        return request

    async with echoing(tenancy=tenancy, Write=note) as echo:
        user = echo.user(organisation=organisation)
        echoed = await echo.call("Write", caller=user, organisation_id=requested)
    assert (echoed.organisation_id, scopes) == (seen, [scope])


async def test_a_handler_sees_its_own_caller() -> None:
    """Of fifty calls at once none sees the identity of another."""

    async def name(request: Any, _: Context) -> Any:
        await asyncio.sleep(0)
        return Echo(text=caller().user_id)

    async with echoing(Read=name) as echo:
        names = [f"user-{number}" for number in range(50)]
        echoes = await asyncio.gather(*(echo.call("Read", caller=echo.user(user=name)) for name in names))
    assert [echoed.text for echoed in echoes] == names


async def test_C5_only_services_may_call_internal_methods() -> None:
    """A user who claims to be internal is refused; a service is answered."""
    async with echoing(Internal=answer) as echo:
        posing = [("x-internal-service", "email")]
        told = await refusal(echo.call("Internal", caller=echo.user(internal=True), metadata=posing))
        echoed = await echo.call("Internal", "a", caller=echo.service())
    assert (told.code, told.reason) == (grpc.StatusCode.PERMISSION_DENIED, "APPEL_INTERNE_SEULEMENT")
    assert echoed.text == "a"


async def test_C5_without_authentication_everybody_is_anonymous() -> None:
    """With AUTH_ENABLED=false internal methods are open, and a token is not read."""

    async def name(request: Any, _: Context) -> Any:
        return Echo(text=f"{caller().kind} {caller().user_id}")

    async with echoing(authenticated=False, Internal=name) as echo:
        echoes = [await echo.call("Internal", caller=who) for who in ([], [("authorization", "Bearer x")])]
    assert [echoed.text for echoed in echoes] == ["anonymous anonyme"] * 2


async def test_a_greeting_meets_proven_callers_only() -> None:
    """A greeting runs in the context of the handler, and not for a caller without a token."""
    met: ContextVar[str] = ContextVar("met")

    async def greet(identity: Identity) -> None:
        met.set(identity.subject)

    async def name(request: Any, _: Context) -> Any:
        return Echo(text=met.get())

    async def names(request: Any, _: Context) -> AsyncIterator[Any]:
        yield Echo(text=met.get())

    async with echoing(greetings=(greet,), Write=name, Stream=names) as echo:
        echoed = await echo.call("Write", caller=echo.user(user="user-1"))
        streamed = [one.text async for one in echo.stream(caller=echo.user(user="user-2"))]
        assert (await refusal(echo.call("Write", caller=[]))).reason == "JETON_MANQUANT"
    assert (echoed.text, streamed) == ("user-1", ["user-2"])


async def test_a_greeting_may_keep_a_caller_out() -> None:
    """A refusal by a greeting ends the call before its body is read or its handler entered."""

    async def refuse(identity: Identity) -> None:
        raise TropDeRequetes

    async with echoing(greetings=(refuse,), Write=never, Stream=never) as echo:
        for call in (echo.call("Write", "a\0b"), anext(aiter(echo.stream()))):
            assert (await refusal(call)).reason == "TROP_DE_REQUETES"


async def test_C10_a_handler_reads_clean_texts() -> None:
    """Texts arrive trimmed and composed; a control character is refused with the name of its field."""
    async with echoing(Write=answer) as echo:
        assert (await echo.call("Write", " e\u0301 ")).text == "é"
        told = await refusal(echo.call("Write", "a\0b"))
    assert (told.reason, told.metadata, told.fields) == ("FORMAT_INVALIDE", {"champ": "text"}, ("text",))


async def test_C16_a_correlation_id_goes_in_and_out() -> None:
    """The handler runs under it and the trailers carry it, with an answer and with a refusal."""
    seen = []

    async def note(request: Any, _: Context) -> Any:
        seen.append(context.correlation_id.get())
        return request

    async with echoing(Read=note) as echo:
        call = echo.call("Read", metadata=[("x-correlation-id", "trace-1")])
        await call
        fresh = [echo.call("Read"), echo.call("Read", caller=[])]
        await asyncio.gather(*fresh, return_exceptions=True)
        ids = [dict(await one.trailing_metadata())["x-correlation-id"] for one in (call, *fresh)]
    assert (seen[0], ids[0]) == ("trace-1", "trace-1")
    assert len({*ids, *seen}) == 3  # the given one and two made here: the refused call has its own, too
    assert all(re.fullmatch(r"[a-z]{3}-\d{13}-[0-9a-z]{7}", made) for made in ids[1:])


async def test_C7_a_refusal_carries_its_reason_its_domain_and_its_fields() -> None:
    """A refusal carries google.rpc.ErrorInfo and BadRequest beside its French sentence."""

    async def refuse(request: Any, _: Context) -> Any:
        raise ChampRequis(champ="nom")

    async with echoing(Write=refuse) as echo:
        told = await refusal(echo.call("Write"))
    assert (told.code, told.reason, told.domain) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "CHAMP_REQUIS",
        "crm.echo",
    )
    assert (told.message, told.fields) == ("Un champ obligatoire est vide (champ : nom).", ("nom",))


async def test_C7_a_refusal_without_a_field_has_no_bad_request() -> None:
    """A refusal without `champ` carries its metadata in ErrorInfo and no BadRequest."""

    async def refuse(request: Any, _: Context) -> Any:
        raise TropDeRequetes(retry_after_s="7")

    async with echoing(Write=refuse) as echo:
        told = await refusal(echo.call("Write"))
    assert (told.code, told.metadata, told.fields) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        {"retry_after_s": "7"},
        (),
    )


def is_answer(kind: type) -> bool:
    """Whether *kind* is an error that db_utils raises itself, not only a base of such errors."""
    return issubclass(kind, errors.DatabaseError) and kind not in (errors.DatabaseError, errors.InvalidPage)


def test_C12_every_answer_of_the_database_has_a_status() -> None:
    """Each error of db_utils has a refusal: without one its caller would be told of a bug."""
    answers = [kind for kind in vars(errors).values() if isinstance(kind, type) and is_answer(kind)]
    told = {kind: refusal_of(kind("uq_x")) for kind in answers}
    assert [kind.__name__ for kind, refusal in told.items() if refusal is None] == []
    assert isinstance(told[errors.Conflict], ExisteDeja)


@pytest.mark.parametrize(("failures", "calls"), [(0, 1), (1, 2), (3, 4)])
async def test_C12_a_conflict_of_transactions_is_tried_again(failures: int, calls: int) -> None:
    """The handler runs again up to three times, and the caller gets its answer."""
    seen = []

    async def collide(request: Any, _: Context) -> Any:
        seen.append(request.text)
        if len(seen) <= failures:
            raise SerializationConflict("deadlock detected")
        return request

    async with echoing(Write=collide) as echo:
        assert (await echo.call("Write", "a")).text == "a"
    assert seen == ["a"] * calls


async def test_C12_a_conflict_that_stays_is_aborted() -> None:
    """After four attempts the caller is told ABORTED."""
    seen = []

    async def collide(request: Any, _: Context) -> Any:
        seen.append(request)
        raise SerializationConflict("deadlock detected")

    async with echoing(Write=collide) as echo:
        told = await refusal(echo.call("Write"))
    assert (told.code, len(seen)) == (grpc.StatusCode.ABORTED, 4)


async def test_a_call_that_is_given_up_stops_its_handler() -> None:
    """The handler is cancelled when its caller cancels and when the deadline of the call has passed."""
    ended = []

    async def wait(request: Any, _: Context) -> Any:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(request.text)

    async with echoing(Read=wait) as echo:
        given_up = echo.call("Read", "cancelled")
        late = await refusal(echo.call("Read", "late", timeout=0.2))
        given_up.cancel()
        await eventually(lambda: sorted(ended) == ["cancelled", "late"])
    assert late.code == grpc.StatusCode.DEADLINE_EXCEEDED


async def test_a_handler_knows_how_long_its_caller_waits() -> None:
    """`deadline.shortened` gives the time left to the call; without a deadline, all that was asked for."""

    async def left(request: Any, _: Context) -> Any:
        return Echo(text=str(deadline.shortened(100.0)))

    async with echoing(Read=left) as echo:
        bounded, free = await echo.call("Read", timeout=20), await echo.call("Read")
    assert 10 < float(bounded.text) < 21  # above 20 too: gRPC counts the time left by another clock
    assert float(free.text) == 100.0
