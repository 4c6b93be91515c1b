"""RevokeUser: the end of all tokens of a person, or of those that name an organisation (R24)."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from crm.auth import auth_pb2 as pb
from crm.auth.auth_pb2_grpc import AuthServiceStub, TokenServiceStub
from crm.clients.clients_pb2 import ListClientBasesRequest
from crm.clients.clients_pb2_grpc import ClientBaseServiceStub
from db_utils import clock
from grpc import StatusCode
from grpc_utils import timestamp
from nats_utils.tables import OutboxRow
from service_auth.models import RevocationGlobale
from service_auth.settings import AuthSettings
from service_kit import App
from service_testing import Mesh, code_of, eventually, refusal, refused
from sqlalchemy import select
from tests.connexions import PASSWORD, AsHolder, MakeSomeone, Someone
from tests.membres import FIRST, SECOND, Join, listed_of, motif

REVOKED = (StatusCode.UNAUTHENTICATED, "JETON_REVOQUE")


def ending(somebody: Someone, avant: datetime | None = None, **changes: Any) -> pb.RevokeUserRequest:
    """The request of users that ends the tokens of *somebody*, now or at *avant*."""
    told = {"utilisateur_id": somebody.id, "motif": "suppression"}
    return pb.RevokeUserRequest(avant=timestamp(avant or clock.now()), **(told | changes))


@pytest.fixture
async def jeanne(someone: MakeSomeone, join: Join) -> Someone:
    """Member of two organisations."""
    jeanne = await someone()
    for organisation in (FIRST, SECOND):
        await join(jeanne, organisation, "VIEWER")
    return jeanne


async def tokens_of(auth: AuthServiceStub, somebody: Someone) -> list[str]:
    """Two tokens of *somebody*, one for each organisation."""
    return [(await auth.Login(somebody.login(organisation=one))).token for one in (FIRST, SECOND)]


async def is_refused(mesh: Mesh, token: str) -> bool:
    """Tell whether another service refuses *token*."""
    stub = ClientBaseServiceStub(mesh.channel("clients", token))
    return await code_of(stub.List(ListClientBasesRequest())) == StatusCode.UNAUTHENTICATED


async def test_R24_all_tokens_of_a_user_end_everywhere(
    mesh: Mesh, auth: AuthServiceStub, tokens: TokenServiceStub, jeanne: Someone
) -> None:
    """Tokens of before end within two seconds; one of a later sign-in does not."""
    former = await tokens_of(auth, jeanne)
    assert (await tokens.RevokeUser(ending(jeanne))).success
    fresh = (await auth.Login(jeanne.login())).token
    assert [await motif(tokens, one) for one in (*former, fresh)] == ["REVOQUE", "REVOQUE", ""]
    for one in former:
        await eventually(partial(is_refused, mesh, one), timeout=2.0)
    assert not await is_refused(mesh, fresh)


async def test_R24_the_tokens_of_one_organisation_end(
    mesh: Mesh, auth: AuthServiceStub, tokens: TokenServiceStub, jeanne: Someone
) -> None:
    """Tokens of the organisation end; those of another one stay good everywhere."""
    first, second = await tokens_of(auth, jeanne)
    await tokens.RevokeUser(ending(jeanne, organisation_id=FIRST, motif="adhesion"))
    assert [await motif(tokens, one) for one in (first, second)] == ["REVOQUE", ""]
    await eventually(partial(is_refused, mesh, first), timeout=2.0)
    assert not await is_refused(mesh, second)


async def test_R24_a_void_token_is_neither_renewed_nor_changes_a_password(
    auth: AuthServiceStub, as_holder: AsHolder, tokens: TokenServiceStub, jeanne: Someone
) -> None:
    """A void token is refused at once, also for a renewal into another organisation."""
    first, _ = await tokens_of(auth, jeanne)
    await tokens.RevokeUser(ending(jeanne, organisation_id=FIRST, motif="adhesion"))
    holder = as_holder(first)
    for call in (
        holder.RenewToken(pb.RenewTokenRequest()),
        holder.RenewToken(pb.RenewTokenRequest(organisation=SECOND)),
        holder.ChangePassword(pb.ChangePasswordRequest(ancien=PASSWORD, nouveau="une autre phrase")),
    ):
        assert await refused(call) == REVOKED
    assert (await auth.Login(jeanne.login())).user.id == jeanne.id


async def test_R24_the_greatest_instant_counts(
    auth: AuthServiceStub, tokens: TokenServiceStub, jeanne: Someone
) -> None:
    """An earlier instant that comes late makes no token good again."""
    former = await tokens_of(auth, jeanne)
    now = clock.now()
    for avant in (now, now - timedelta(hours=1), now):
        await tokens.RevokeUser(ending(jeanne, avant))
        await tokens.RevokeUser(ending(jeanne, avant, organisation_id=FIRST))
    assert [await motif(tokens, one) for one in former] == ["REVOQUE"] * 2
    listed = await listed_of(tokens, jeanne)
    instants = {(one.organisation_id, one.revoque_le.ToDatetime(UTC)) for one in listed}
    assert (len(listed), instants) == (2, {("", now), (FIRST, now)})


async def test_R24_a_repeated_call_changes_nothing(
    app: App[AuthSettings], tokens: TokenServiceStub, jeanne: Someone
) -> None:
    """A repeated or earlier call is not announced: the bucket would forget the greatest instant."""
    reader, now = app.database.read(), clock.now()
    announced = select(OutboxRow.id).where(OutboxRow.subject.startswith("$KV.CRM_REVOCATIONS.user."))
    await tokens.RevokeUser(ending(jeanne, now, motif="reprise"))
    before = await reader.all(announced)
    for avant in (now, now - timedelta(seconds=1)):
        assert (await tokens.RevokeUser(ending(jeanne, avant))).success
    row = await reader.get(RevocationGlobale, jeanne.id)
    assert row is not None
    assert (row.avant, row.motif, await reader.all(announced)) == (now, "reprise", before)


async def test_R24_what_ended_long_ago_is_listed_as_news(tokens: TokenServiceStub, jeanne: Someone) -> None:
    """A revocation is listed by when it was written, since users may tell auth late."""
    asked = clock.now()
    ended = asked - timedelta(minutes=10)
    await tokens.RevokeUser(ending(jeanne, ended, organisation_id=SECOND))
    (one,) = await listed_of(tokens, jeanne, asked - timedelta(seconds=1))
    assert (one.jti, one.organisation_id, one.revoque_le.ToDatetime(UTC)) == ("", SECOND, ended)
    assert one.expire_le.ToDatetime(UTC) == ended + timedelta(hours=24)


@pytest.mark.parametrize(
    ("changes", "reason", "champ"),
    [
        ({"utilisateur_id": ""}, "CHAMP_REQUIS", "utilisateur_id"),
        ({"utilisateur_id": "x" * 65}, "FORMAT_INVALIDE", "utilisateur_id"),
        ({"motif": ""}, "CHAMP_REQUIS", "motif"),
        ({"motif": "logout"}, "VALEUR_INCONNUE", "motif"),
        ({"organisation_id": "org 1"}, "FORMAT_INVALIDE", "organisation_id"),
    ],
)
async def test_R24_what_is_asked_has_a_form(
    tokens: TokenServiceStub, jeanne: Someone, changes: dict[str, Any], reason: str, champ: str
) -> None:
    """INVALID_ARGUMENT names the malformed field."""
    told = await refusal(tokens.RevokeUser(ending(jeanne, **changes)))
    assert (told.code, told.reason, told.metadata) == (StatusCode.INVALID_ARGUMENT, reason, {"champ": champ})


@pytest.mark.parametrize(("seconds", "reason"), [(30, None), (31, "DATE_INVALIDE")])
async def test_R24_an_instant_is_at_most_thirty_seconds_ahead(
    tokens: TokenServiceStub, jeanne: Someone, seconds: int, reason: str | None
) -> None:
    """DATE_INVALIDE is the answer above 30 seconds, or later sign-ins would be void."""
    now = clock.now()
    with clock.frozen_at(now):
        call = tokens.RevokeUser(ending(jeanne, now + timedelta(seconds=seconds)))
        if reason is None:
            assert (await call).success
        else:
            assert await refused(call) == (StatusCode.INVALID_ARGUMENT, reason)


async def test_R24_an_instant_is_needed(tokens: TokenServiceStub, jeanne: Someone) -> None:
    """CHAMP_REQUIS is the answer without *avant*."""
    told = await refusal(tokens.RevokeUser(pb.RevokeUserRequest(utilisateur_id=jeanne.id, motif="reprise")))
    assert (told.reason, told.metadata) == ("CHAMP_REQUIS", {"champ": "avant"})
