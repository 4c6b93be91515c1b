"""Retention of the rows of auth: each is kept as long as somebody may need it."""

from datetime import timedelta

from db_utils import Row, clock, uuid7
from service_auth.guard import Guard
from service_auth.housekeeping import PURGE
from service_auth.models import (
    ECHEC,
    LOGOUT,
    MOT_DE_PASSE,
    PASSWORD,
    DemandeOauth,
    RevocationGlobale,
    RevocationOrganisation,
    TentativeConnexion,
    TokenRevoque,
    Verrou,
)
from service_auth.settings import AuthSettings
from service_kit import App
from tests.connexions import new_email, new_ip

DAY = timedelta(days=1)


async def survives(app: App[AuthSettings], row: Row, key: object, after: timedelta) -> bool:
    """Insert *row* now, run the purge twice *after* a while, and tell whether the row is still there."""
    async with app.database.transaction() as tx:
        await tx.insert(row)
    with clock.frozen_at(clock.now() + after):
        for _ in range(2):
            await PURGE.run(app)
    return await app.database.read().get(type(row), key) is not None  # type: ignore[arg-type]  # keys may be bytes


async def test_R5_the_journal_is_kept_for_ninety_days(app: App[AuthSettings]) -> None:
    """A line of the journal is there a minute before 90 days, and gone a minute after."""
    for after, kept in ((90 * DAY - timedelta(minutes=1), True), (90 * DAY + timedelta(minutes=1), False)):
        row = TentativeConnexion(ip=new_ip(), methode=PASSWORD, resultat=ECHEC)
        assert await survives(app, row, row.id, after) == kept


async def test_R15_begun_sign_ins_are_kept_for_a_day(app: App[AuthSettings]) -> None:
    """A begun sign-in is there after 23 hours and gone after 25."""
    for after, kept in ((timedelta(hours=23), True), (timedelta(hours=25), False)):
        state = uuid7().bytes
        row = DemandeOauth(
            state_hash=state,
            code_verifier="",
            nonce_hash=b"",
            liaison_hash=b"",
            redirect_uri="",
            expire_le=clock.now(),
        )
        assert await survives(app, row, state, after) == kept


async def test_R13_a_revoked_token_is_kept_until_an_hour_after_its_end(app: App[AuthSettings]) -> None:
    """A revocation is kept until an hour after the end of its token."""
    for after, kept in ((timedelta(minutes=119), True), (timedelta(minutes=121), False)):
        end = clock.now() + timedelta(hours=1)
        row = TokenRevoque(jti=uuid7(), utilisateur_id="u", motif=LOGOUT, expire_le=end)
        assert await survives(app, row, row.jti, after) == kept


async def test_R13_a_revoked_user_is_kept_as_long_as_a_token_may_live(app: App[AuthSettings]) -> None:
    """Revocations of a user are kept for 24 hours, the longest life of a token, and an hour."""
    for after, kept in ((timedelta(hours=24, minutes=59), True), (timedelta(hours=25, minutes=1), False)):
        user, now = str(uuid7()), clock.now()
        row = RevocationGlobale(utilisateur_id=user, avant=now, motif=MOT_DE_PASSE)
        of_one = RevocationOrganisation(
            utilisateur_id=user, organisation="org-1", avant=now, motif=MOT_DE_PASSE
        )
        assert await survives(app, row, user, after) == kept
        assert await survives(app, of_one, (user, "org-1"), after) == kept


async def test_R4_what_is_held_against_an_email_is_kept_for_a_day(app: App[AuthSettings]) -> None:
    """Failures are kept for a day after their last change, longer while the email is locked."""
    for hours, until, kept in ((23, None, True), (25, None, False), (25, 26, True)):
        lock = None if until is None else clock.now() + timedelta(hours=until)
        email = Guard(app).hashed(new_email())
        row = Verrou(email_hash=email, verrouille_jusqu_a=lock)
        assert await survives(app, row, email, timedelta(hours=hours)) == kept
