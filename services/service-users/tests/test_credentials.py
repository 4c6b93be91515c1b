"""CredentialService over gRPC: verifying passwords (R7) and changing them (R6)."""

import asyncio
import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import bcrypt
import pytest
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import CredentialServiceStub, UtilisateurServiceStub
from db_utils import Database
from grpc import StatusCode
from service_testing import Mesh, code_of, eventually, refusal, refused
from service_users import identifiants, rules
from service_users.credentials import CredentialService
from service_users.models import IdentifiantLocal, Utilisateur
from sqlalchemy import update
from tests.personnes import COST, PASSWORD, Someone, new_email, somebody_waits

REFUSED = (StatusCode.INVALID_ARGUMENT, "IDENTIFIANTS_INVALIDES")
COSTLY = 10
NO_CONTEXT: Any = None  # the handlers called here do not look at it
WEAK = (StatusCode.INVALID_ARGUMENT, "MOT_DE_PASSE_INVALIDE")


@pytest.fixture
def own(mesh: Mesh) -> Any:
    """Passwords, called with a token of ours of a user."""

    def stub(user: pb.Utilisateur) -> CredentialServiceStub:
        return mesh.stub(CredentialServiceStub, user=user.id, organisation="")

    return stub


def attempt(email: str, password: str = PASSWORD) -> pb.VerifyPasswordRequest:
    """Build a try to sign in."""
    return pb.VerifyPasswordRequest(email=email, mot_de_passe=password)


def change(user: pb.Utilisateur, nouveau: str, ancien: str = "") -> pb.SetPasswordRequest:
    """Build the wish of *user* for another password."""
    return pb.SetPasswordRequest(utilisateur_id=user.id, ancien=ancien, nouveau=nouveau)


async def stored(database: Database, user: pb.Utilisateur) -> IdentifiantLocal | None:
    """Return the hash of *user* as it is stored."""
    return await database.read().get(IdentifiantLocal, user.id)


async def test_R7_the_right_password_tells_who_it_is(
    credentials: CredentialServiceStub, someone: Someone
) -> None:
    """The right password tells the account, however the address is written, and is no sign-in."""
    user = await someone(mot_de_passe=PASSWORD)
    found = await credentials.VerifyPassword(attempt(user.email.upper()))
    assert (found.id, found.nombre_connexions, found.mot_de_passe_connu) == (user.id, 0, True)


async def test_R7_every_failure_is_the_same_refusal(
    credentials: CredentialServiceStub, people: UtilisateurServiceStub, someone: Someone
) -> None:
    """Refusals are alike: wrong, unknown, inactive, deleted, without password, random, no address at all."""
    wrong, inactive, deleted = [await someone(mot_de_passe=PASSWORD) for _ in range(3)]
    without, random = await someone(), await someone(generer_mot_de_passe=True)
    await people.Update(pb.UpdateUtilisateurRequest(id=inactive.id, actif=False))
    await people.Delete(pb.DeleteUtilisateurRequest(id=deleted.id))
    attempts = [
        attempt(wrong.email, "pas celui-là"),
        attempt(wrong.email, "x" * 200),
        attempt(wrong.email, f"{PASSWORD}\0"),
        *(attempt(user.email) for user in (inactive, deleted, without, random)),
        attempt(new_email()),
        attempt("pas une adresse"),
    ]
    answers = [await refusal(credentials.VerifyPassword(one)) for one in attempts]
    assert [(answer.code, answer.reason) for answer in answers] == [REFUSED] * len(attempts)
    assert len({answer.message for answer in answers}) == 1


async def test_R7_every_refusal_costs_the_same_work(
    mesh: Mesh, people: UtilisateurServiceStub, someone: Someone
) -> None:
    """Each refusal checks a hash. Measured in processor time, which other processes do not stretch."""
    wrong, inactive = await someone(mot_de_passe=PASSWORD), await someone(mot_de_passe=PASSWORD)
    without, random = await someone(), await someone(generer_mot_de_passe=True)
    await people.Update(pb.UpdateUtilisateurRequest(id=inactive.id, actif=False))
    app: Any = mesh["users"].app
    service = CredentialService(
        replace(app, settings=app.settings.model_copy(update={"bcrypt_cost": COSTLY}))
    )

    async def work(email: str) -> float:
        started = time.process_time()
        with pytest.raises(rules.IdentifiantsInvalides):
            await service.VerifyPassword(attempt(email, "pas celui-là"), NO_CONTEXT)
        return time.process_time() - started

    usual = await work(wrong.email)
    for email in (inactive.email, without.email, random.email, new_email()):
        assert 0.5 < await work(email) / usual < 2


async def test_R7_what_is_missing_is_named(credentials: CredentialServiceStub, email: str) -> None:
    """An empty field is CHAMP_REQUIS, which says nothing of the account."""
    for request in (attempt("", PASSWORD), attempt(email, "")):
        assert await refused(credentials.VerifyPassword(request)) == (
            StatusCode.INVALID_ARGUMENT,
            "CHAMP_REQUIS",
        )


async def test_R6_a_password_is_kept_as_its_hash(mesh: Mesh, someone: Someone) -> None:
    """A password is stored as a bcrypt hash of the configured cost; Create answers neither of them."""
    user = await someone(mot_de_passe=PASSWORD)
    kept = await stored(mesh.database("users"), user)
    assert kept is not None
    assert kept.hash.startswith(f"$2b$0{COST}$")
    assert PASSWORD not in str(user)


async def test_R6_a_random_password_is_told_to_nobody(
    mesh: Mesh, credentials: CredentialServiceStub, someone: Someone
) -> None:
    """A random password is marked, and its owner counts as having none."""
    user = await someone(generer_mot_de_passe=True)
    kept = await stored(mesh.database("users"), user)
    assert kept is not None
    assert kept.aleatoire
    assert not user.mot_de_passe_connu


async def test_R6_a_weaker_hash_is_made_again(
    mesh: Mesh, credentials: CredentialServiceStub, someone: Someone
) -> None:
    """A weaker hash is replaced at the next success, not by a wrong password."""
    user, database = await someone(mot_de_passe=PASSWORD), mesh.database("users")
    weak = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(COST - 1)).decode()
    async with database.transaction() as tx:
        await tx.execute(
            update(IdentifiantLocal).where(IdentifiantLocal.utilisateur_id == UUID(user.id)).values(hash=weak)
        )
    hashes = []
    for password in ("pas celui-là", PASSWORD, PASSWORD):
        await code_of(credentials.VerifyPassword(attempt(user.email, password)))
        kept = await stored(database, user)
        assert kept is not None
        hashes.append(kept.hash)
    assert hashes[0] == weak
    assert hashes[1] == hashes[2] != weak
    assert hashes[1].startswith(f"$2b$0{COST}$")


@pytest.mark.parametrize("password", ["neuf octe", "x" * 73, "é" * 37, "avec\x00zéro…", "avec\nligne…"])
async def test_R6_a_password_has_10_to_72_bytes_and_no_control_characters(
    credentials: CredentialServiceStub, people: UtilisateurServiceStub, someone: Someone, password: str
) -> None:
    """Unfit passwords are refused, not cut, by Create and SetPassword alike."""
    user = await someone(mot_de_passe=PASSWORD)
    request = pb.CreateUtilisateurRequest(email=new_email(), mot_de_passe=password)
    assert await refused(people.Create(request)) == WEAK
    assert await refused(credentials.SetPassword(change(user, password))) == WEAK


@pytest.mark.parametrize("password", ["x" * 10, "x" * 72, "é" * 36, "  entre espaces  "])
async def test_R6_passwords_at_the_limits_are_taken_as_they_are(
    credentials: CredentialServiceStub, someone: Someone, password: str
) -> None:
    """Passwords count to the byte: nothing is trimmed."""
    user = await someone(mot_de_passe=password)
    assert (await credentials.VerifyPassword(attempt(user.email, password))).id == user.id
    assert await refused(credentials.VerifyPassword(attempt(user.email, password + " "))) == REFUSED


async def test_R6_the_address_is_no_password(credentials: CredentialServiceStub, someone: Someone) -> None:
    """The account's address is refused as its password, in whatever case."""
    user = await someone()
    assert await refused(credentials.SetPassword(change(user, user.email.upper()))) == WEAK


async def test_people_change_their_password_by_telling_the_former_one(
    credentials: CredentialServiceStub, someone: Someone, own: Any
) -> None:
    """Nothing changes without the former password, or with a wrong one."""
    user = await someone(mot_de_passe=PASSWORD)
    nouveau = "une autre phrase"
    assert (await refused(own(user).SetPassword(change(user, nouveau))))[1] == "CHAMP_REQUIS"
    assert await refused(own(user).SetPassword(change(user, nouveau, "pas celui-là"))) == REFUSED
    await own(user).SetPassword(change(user, nouveau, PASSWORD))
    assert (await credentials.VerifyPassword(attempt(user.email, nouveau))).id == user.id
    assert await refused(credentials.VerifyPassword(attempt(user.email))) == REFUSED


async def test_R4_nobody_changes_the_password_of_another(someone: Someone, own: Any) -> None:
    """Another account's password is PERMISSION_DENIED, with the right former password too."""
    user, other = await someone(mot_de_passe=PASSWORD), await someone()
    refusal_ = await refused(own(other).SetPassword(change(user, "une autre phrase", PASSWORD)))
    assert refusal_ == (StatusCode.PERMISSION_DENIED, "AUTRE_UTILISATEUR")


async def test_services_set_a_password_without_the_former_one(
    credentials: CredentialServiceStub, someone: Someone
) -> None:
    """Auth has checked who asks; a random password becomes a known one."""
    user = await someone(generer_mot_de_passe=True)
    assert (await credentials.SetPassword(change(user, PASSWORD))).mot_de_passe_connu
    assert (await credentials.VerifyPassword(attempt(user.email))).id == user.id


async def test_an_unknown_account_gets_no_password(credentials: CredentialServiceStub) -> None:
    """Setting the password of an unknown account is NOT_FOUND."""
    request = pb.SetPasswordRequest(utilisateur_id="personne", nouveau=PASSWORD)
    assert (await refused(credentials.SetPassword(request)))[0] == StatusCode.NOT_FOUND


async def test_R30_a_password_told_before_a_reprise_is_not_put_back_by_it(
    mesh: Mesh, someone: Someone, own: Any
) -> None:
    """A password change that began before a reprise is refused, and leaves the account without a password."""
    user = await someone(mot_de_passe=PASSWORD)
    database = mesh.database("users")
    async with database.transaction() as tx:
        await tx.get(Utilisateur, user.id, lock=True)
        await identifiants.forget(tx, UUID(user.id))
        changing = asyncio.create_task(_answer(own(user), change(user, "une autre phrase", PASSWORD)))
        await eventually(lambda: somebody_waits(mesh))
    assert await refused(changing) == REFUSED
    assert await stored(database, user) is None


async def _answer(passwords: CredentialServiceStub, request: pb.SetPasswordRequest) -> pb.Utilisateur:
    return await passwords.SetPassword(request)
