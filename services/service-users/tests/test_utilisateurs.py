"""UtilisateurService over gRPC: accounts, who sees them (R4), and their deletion (R5)."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from crm.common.common_pb2 import Pagination
from crm.users import users_pb2 as pb
from crm.users.users_pb2_grpc import CredentialServiceStub, MembreServiceStub, UtilisateurServiceStub
from grpc import StatusCode
from service_testing import Mesh, pages, refusal, refused
from service_users.models import Evenement, IdentifiantLocal
from sqlalchemy import select
from tests.personnes import PASSWORD, Someone, change, new_email

As = Callable[..., UtilisateurServiceStub]
NOT_FOUND = (StatusCode.NOT_FOUND, "INTROUVABLE")
NOT_OWN = (StatusCode.PERMISSION_DENIED, "AUTRE_UTILISATEUR")


def get(user: pb.Utilisateur) -> pb.GetUtilisateurRequest:
    """Build the request for *user*."""
    return pb.GetUtilisateurRequest(id=user.id)


async def test_create_stores_what_it_is_told(people: UtilisateurServiceStub, email: str) -> None:
    """Create stores every field and answers the account as Get does."""
    request = pb.CreateUtilisateurRequest(
        nom="Martin",
        prenom="Anne",
        email=email,
        telephone="0612345678",
        photo_url="https://exemple.fr/a.png",
        email_verifie=True,
        type_utilisateur="COURTIER",
        source="webhook",
    )
    made = await people.Create(request)
    user = made.utilisateur
    assert made.cree
    assert (user.nom, user.prenom, user.email, user.telephone) == ("Martin", "Anne", email, "0612345678")
    assert (user.photo_url, user.email_verifie, user.actif) == ("https://exemple.fr/a.png", True, True)
    assert (user.type_utilisateur, user.source_creation, user.version) == ("COURTIER", "webhook", 1)
    assert await people.Get(get(user)) == user


async def test_R1_an_address_is_stored_in_one_form(people: UtilisateurServiceStub) -> None:
    """Addresses are stored in lower case with a Unicode domain, and found in every spelling."""
    local = new_email().partition("@")[0]
    made = await people.Create(pb.CreateUtilisateurRequest(email=f"{local.upper()}@XN--CAF-DMA.fr"))
    assert made.utilisateur.email == f"{local}@café.fr"
    for spelling in (f"{local}@CAFÉ.fr", f"{local}@xn--caf-dma.fr", f"{local}@cafe\u0301.fr"):
        found = await people.GetByEmail(pb.GetUtilisateurByEmailRequest(email=spelling))
        assert found.id == made.utilisateur.id


async def test_R1_an_address_belongs_to_one_living_user(
    people: UtilisateurServiceStub, someone: Someone
) -> None:
    """An address in use is ALREADY_EXISTS at Create and Update, in any spelling."""
    user, other = await someone(), await someone()
    create = people.Create(pb.CreateUtilisateurRequest(email=user.email.upper()))
    update = people.Update(pb.UpdateUtilisateurRequest(id=other.id, email=user.email))
    for call in (create, update):
        answer = await refusal(call)
        assert (answer.code, answer.metadata["contrainte"]) == (
            StatusCode.ALREADY_EXISTS,
            "uq_utilisateur_email",
        )


async def test_R1_ten_at_once_make_one(people: UtilisateurServiceStub, email: str) -> None:
    """One of ten simultaneous Create makes an account."""
    request = pb.CreateUtilisateurRequest(email=email)
    answers = await asyncio.gather(*(people.Create(request) for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(answer, pb.CreateUtilisateurResponse) for answer in answers) == 1


async def test_R2_a_subject_names_one_user_for_ever(people: UtilisateurServiceStub, sujet: str) -> None:
    """A deleted account's subject is given to nobody else."""
    request = pb.CreateUtilisateurRequest(email=new_email(), fournisseur="google", sujet=sujet)
    user = (await people.Create(request)).utilisateur
    by_subject = pb.GetUtilisateurByIdentityRequest(fournisseur="google", sujet=sujet)
    assert (await people.GetByIdentity(by_subject)).id == user.id
    again = await people.Create(request)
    assert (again.cree, again.utilisateur.id) == (False, user.id)
    await people.Delete(pb.DeleteUtilisateurRequest(id=user.id))
    assert await refused(people.GetByIdentity(by_subject)) == NOT_FOUND
    assert await refused(people.Create(request)) == (StatusCode.FAILED_PRECONDITION, "COMPTE_DESACTIVE")


async def test_R2_everybody_is_known_by_his_own_id(people: UtilisateurServiceStub, someone: Someone) -> None:
    """Every account has the identity (local, own id), the subject of auth's tokens."""
    user = await someone()
    request = pb.GetUtilisateurByIdentityRequest(fournisseur="local", sujet=user.id)
    assert (await people.GetByIdentity(request)).id == user.id


async def test_R4_people_see_themselves_and_their_colleagues(
    someone: Someone, as_user: As, people: UtilisateurServiceStub, membres: MembreServiceStub, org: str
) -> None:
    """People see colleagues of a shared active membership; anybody else is NOT_FOUND."""
    me, colleague, stranger = [await someone(organisation_id=name) for name in (org, org, f"{org}-b")]
    assert (await as_user(me).Get(get(me))).id == me.id
    assert (await as_user(me, org).Get(get(colleague))).id == colleague.id
    assert await refused(as_user(me, org).Get(get(stranger))) == NOT_FOUND
    (membre,) = (await membres.List(pb.ListMembresRequest(utilisateur_id=colleague.id))).membres
    await change(membres, membre, etat="suspendu")
    assert await refused(as_user(me, org).Get(get(colleague))) == NOT_FOUND


async def test_R4_people_list_their_colleagues(
    someone: Someone, as_user: As, org: str, people: UtilisateurServiceStub
) -> None:
    """People list the organisation of the call, nobody without one; services list any organisation."""
    ana, bob, other = [
        await someone(nom=n, organisation_id=o) for n, o in (("A", org), ("B", org), ("C", f"{org}-b"))
    ]
    listed = await as_user(ana, org).List(pb.ListUtilisateursRequest())
    assert [user.id for user in listed.utilisateurs] == [ana.id, bob.id]
    assert not (await as_user(ana).List(pb.ListUtilisateursRequest())).utilisateurs
    assert not (await as_user(other, org).List(pb.ListUtilisateursRequest())).utilisateurs
    asked = await people.List(pb.ListUtilisateursRequest(organisation_id=f"{org}-b"))
    assert [user.id for user in asked.utilisateurs] == [other.id]


async def test_C8_people_are_found_and_listed_by_their_keys(
    someone: Someone, people: UtilisateurServiceStub, org: str
) -> None:
    """Search and order ignore case, accents and ligatures; É stands before F."""
    for nom, prenom in (("Fanny", ""), ("Élan", "Zoé"), ("eva", "Œ")):
        await someone(nom=nom, prenom=prenom, organisation_id=org)

    async def names(search: str) -> list[str]:
        listed = await people.List(pb.ListUtilisateursRequest(organisation_id=org, search=search))
        return [user.nom for user in listed.utilisateurs]

    assert await names("") == ["Élan", "eva", "Fanny"]
    assert (await names("zoe ELAN"), await names("oe"), await names("élan fanny")) == (
        ["Élan"],
        ["Élan", "eva"],
        [],
    )


async def test_R4_people_change_and_delete_only_themselves(someone: Someone, as_user: As, org: str) -> None:
    """People change and delete their own account only, and do not set `actif`."""
    me, other = await someone(organisation_id=org), await someone(organisation_id=org)
    stub = as_user(me, org)
    changed = await stub.Update(pb.UpdateUtilisateurRequest(id=me.id, nom="Durand", telephone="01"))
    assert (changed.nom, changed.telephone, changed.version) == ("Durand", "01", 2)
    assert await refused(stub.Update(pb.UpdateUtilisateurRequest(id=other.id, nom="Pris"))) == NOT_OWN
    assert await refused(stub.Delete(pb.DeleteUtilisateurRequest(id=other.id))) == NOT_OWN
    assert await refused(stub.Update(pb.UpdateUtilisateurRequest(id=me.id, actif=True))) == (
        StatusCode.PERMISSION_DENIED,
        "RESERVE_AUX_SERVICES",
    )
    assert (await stub.Delete(pb.DeleteUtilisateurRequest(id=me.id))).success


async def test_R5_a_deleted_user_is_gone(
    mesh: Mesh, people: UtilisateurServiceStub, membres: MembreServiceStub, someone: Someone, org: str
) -> None:
    """A deletion takes the password, ends memberships and frees the address; a second one does nothing."""
    user = await someone(mot_de_passe=PASSWORD, organisation_id=org)
    request = pb.DeleteUtilisateurRequest(id=user.id)
    assert [(await people.Delete(request)).success for _ in range(2)] == [True, False]
    assert await refused(people.Get(get(user))) == NOT_FOUND
    assert await mesh.database("users").read().get(IdentifiantLocal, user.id) is None
    (membre,) = (await membres.List(pb.ListMembresRequest(organisation_id=org))).membres
    assert (membre.etat, membre.HasField("utilisateur")) == ("retire", False)
    assert (await someone(email=user.email)).id != user.id


async def test_the_journal_tells_what_happened(
    mesh: Mesh, people: UtilisateurServiceStub, credentials: CredentialServiceStub, someone: Someone
) -> None:
    """The journal names each change, without addresses and passwords."""
    user = await someone()
    await people.Update(pb.UpdateUtilisateurRequest(id=user.id, nom="Durand"))
    await credentials.SetPassword(pb.SetPasswordRequest(utilisateur_id=user.id, nouveau=PASSWORD))
    await people.Delete(pb.DeleteUtilisateurRequest(id=user.id))
    lines = (
        await mesh.database("users")
        .read()
        .all(select(Evenement).where(Evenement.utilisateur_id == UUID(user.id)).order_by(Evenement.id))
    )
    assert [line.evenement for line in lines] == ["creation", "changement", "mot_de_passe", "suppression"]
    assert not any(secret in str(line.details) for line in lines for secret in (user.email, PASSWORD))


async def test_C9_what_is_empty_is_cleared(people: UtilisateurServiceStub, someone: Someone) -> None:
    """Empty fields are cleared, except the address, which an account needs."""
    user = await someone(nom="Martin", telephone="01", photo_url="https://exemple.fr/a.png")
    empty = pb.UpdateUtilisateurRequest(id=user.id, nom="", telephone="", photo_url="")
    cleared = await people.Update(empty)
    assert (cleared.nom, cleared.telephone, cleared.photo_url) == ("", "", "")
    assert (await refused(people.Update(pb.UpdateUtilisateurRequest(id=user.id, email=""))))[1] == (
        "CHAMP_REQUIS"
    )


@pytest.mark.parametrize("sort", ["nom", "prenom", "email", "derniere_connexion"])
async def test_C8_a_list_goes_on_page_by_page(
    people: UtilisateurServiceStub, someone: Someone, org: str, sort: str
) -> None:
    """Pages come in the order asked for, with people who never signed in."""
    users = [
        await someone(nom=f"N{n}", prenom=f"P{n}", email=f"{org}-{n}@exemple.fr", organisation_id=org)
        for n in range(5)
    ]
    page = Pagination(page_size=2, sort_by=sort, sort_order="desc", with_total=True)
    request = pb.ListUtilisateursRequest(organisation_id=org, pagination=page)
    answers = [answer async for answer in pages(people.List, request)]
    found = [user.id for answer in answers for user in answer.utilisateurs]
    assert ([len(answer.utilisateurs) for answer in answers], answers[-1].pagination.total) == ([2, 2, 1], 5)
    assert found == [user.id for user in reversed(users)]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"email": ""}, "CHAMP_REQUIS"),
        ({"email": "pas une adresse"}, "FORMAT_INVALIDE"),
        ({"nom": "x" * 101}, "TROP_LONG"),
        ({"photo_url": "http://exemple.fr/a.png"}, "FORMAT_INVALIDE"),
        ({"photo_url": "javascript:alert(1)"}, "FORMAT_INVALIDE"),
        ({"fournisseur": "google"}, "FORMAT_INVALIDE"),
        ({"sujet": "123"}, "FORMAT_INVALIDE"),
        ({"fournisseur": "facebook", "sujet": "123"}, "VALEUR_INCONNUE"),
        ({"organisation_id": "pas un id"}, "FORMAT_INVALIDE"),
    ],
)
async def test_what_create_refuses(
    people: UtilisateurServiceStub, fields: dict[str, Any], reason: str
) -> None:
    """Missing, malformed and oversized fields are INVALID_ARGUMENT."""
    request = pb.CreateUtilisateurRequest(**({"email": new_email()} | fields))
    assert await refused(people.Create(request)) == (StatusCode.INVALID_ARGUMENT, reason)
