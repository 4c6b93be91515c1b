"""ApporteurService: who an apporteur is, and that there is one of him."""

import asyncio
from typing import Any

import pytest
from crm.commerciaux import commerciaux_pb2 as pb
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import Mesh, refusal
from tests.equipe import UNKNOWN, New

FULL = {
    "type_apporteur": "PARTENAIRE",
    "utilisateur_id": "u-7",
    "email": "anne.martin@exemple.fr",
    "telephone": "06 12 34 56 78",
    "societe_id": "soc-1",
}


def update(apporteur: pb.Apporteur, **fields: Any) -> pb.UpdateApporteurRequest:
    """Request that changes *fields* of *apporteur*."""
    return pb.UpdateApporteurRequest(id=apporteur.id, **fields)


async def test_the_smallest_apporteur_has_the_defaults(new: New, org: str) -> None:
    """A name is enough for an active VRP of all sociétés."""
    made = await new("Martin")
    expected = pb.Apporteur(
        id=made.id,
        organisation_id=org,
        nom="Martin",
        prenom="Anne",
        type_apporteur="VRP",
        actif=True,
        created_at=made.created_at,
        updated_at=made.created_at,
        version=1,
    )
    assert expected == made


async def test_all_fields_are_answered(apporteurs: ApporteurServiceStub, new: New) -> None:
    """Create answers what was given, as Get does afterwards."""
    made = await new("Martin", **FULL)
    assert {name: getattr(made, name) for name in FULL} == FULL
    assert made == await apporteurs.Get(pb.GetApporteurRequest(id=made.id))


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"nom": " "}, "CHAMP_REQUIS", "nom"),
        ({"prenom": ""}, "CHAMP_REQUIS", "prenom"),
        ({"type_apporteur": "vrp"}, "VALEUR_INCONNUE", "type_apporteur"),
        ({"email": "anne"}, "FORMAT_INVALIDE", "email"),
        ({"societe_id": "a b"}, "FORMAT_INVALIDE", "societe_id"),
        ({"telephone": "1" * 31}, "TROP_LONG", "telephone"),
    ],
)
async def test_bad_fields_are_named(
    apporteurs: ApporteurServiceStub, fields: dict[str, str], reason: str, champ: str
) -> None:
    """The refusal names the field at fault."""
    request = pb.CreateApporteurRequest(**{"nom": "Martin", "prenom": "Anne", **fields})
    answer = await refusal(apporteurs.Create(request))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        pytest.param("uq_apporteur_nom", {"nom": "LEFEVRE", "prenom": "elodie"}, id="R1"),
        pytest.param("uq_apporteur_email", {"email": "E.Lefevre@EXEMPLE.fr"}, id="R2"),
        pytest.param("uq_apporteur_utilisateur", {"utilisateur_id": "u-1"}, id="R3"),
    ],
)
async def test_R01_R02_R03_name_email_and_user_occur_once(
    apporteurs: ApporteurServiceStub, new: New, constraint: str, fields: dict[str, str]
) -> None:
    """Create and Update refuse what another one has, in any spelling, with his id."""
    lefevre = await new("Lefèvre", "Élodie", email="e.lefevre@exemple.fr", utilisateur_id="u-1")
    other = await new("Bernard")
    create = pb.CreateApporteurRequest(**{"nom": "Petit", "prenom": "Luc", **fields})
    for call in (apporteurs.Create(create), apporteurs.Update(update(other, **fields))):
        answer = await refusal(call)
        assert (answer.code, answer.reason, answer.metadata) == (
            StatusCode.ALREADY_EXISTS,
            "EXISTE_DEJA",
            {"contrainte": constraint, "id": lefevre.id},
        )


async def test_R02_any_number_may_have_no_email(new: New) -> None:
    """Emails and users that are not there are not compared."""
    one, two = await new("Martin"), await new("Petit")
    assert (one.email, two.email, one.utilisateur_id) == ("", "", "")


async def test_R03_a_user_may_be_an_apporteur_of_two_organisations(
    foreign_apporteurs: ApporteurServiceStub, new: New
) -> None:
    """Organisations do not disturb each other."""
    request = pb.CreateApporteurRequest(nom="Martin", prenom="Anne", **FULL)
    theirs, ours = await foreign_apporteurs.Create(request), await new("Martin", **FULL)
    assert theirs.organisation_id != ours.organisation_id


async def test_R01_ten_creations_at_once_make_one(apporteurs: ApporteurServiceStub) -> None:
    """Of ten Creates of one name in different case, nine are ALREADY_EXISTS."""
    spellings = ["durand", "DURAND", "Durand", "dUrand", "Dùrand"] * 2
    requests = [pb.CreateApporteurRequest(nom=nom, prenom="Luc") for nom in spellings]
    answers = await asyncio.gather(*map(apporteurs.Create, requests), return_exceptions=True)
    codes = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert codes == [StatusCode.ALREADY_EXISTS] * 9


async def test_R04_names_are_stored_in_one_form(apporteurs: ApporteurServiceStub, new: New) -> None:
    """Create and Update respell a name in capitals only or in small letters only."""
    made = await new("DUPONT", "jean-pierre")
    changed = await apporteurs.Update(update(made, nom="van der berg"))
    assert (made.nom, made.prenom) == ("Dupont", "Jean-Pierre")
    assert (changed.nom, changed.prenom) == ("van der Berg", "Jean-Pierre")


@pytest.mark.parametrize("field", ["utilisateur_id", "email", "telephone", "societe_id"])
async def test_C09_optional_fields_can_be_cleared(
    apporteurs: ApporteurServiceStub, new: New, field: str
) -> None:
    """A field that is present and empty is cleared, the others stay."""
    made = await new("Martin", **FULL)
    changed = await apporteurs.Update(update(made, **{field: ""}))
    assert {name: getattr(changed, name) for name in FULL} == FULL | {field: ""}


async def test_C09_names_and_type_cannot_be_cleared(apporteurs: ApporteurServiceStub, new: New) -> None:
    """Clearing what everybody has is CHAMP_REQUIS."""
    made = await new("Martin")
    for field in ("nom", "prenom", "type_apporteur"):
        answer = await refusal(apporteurs.Update(update(made, **{field: " "})))
        assert (answer.reason, answer.metadata) == ("CHAMP_REQUIS", {"champ": field})


async def test_R06_activation_may_be_repeated(apporteurs: ApporteurServiceStub, new: New) -> None:
    """A second Desactiver or Activer changes nothing; an inactive apporteur is read as before."""
    made = await new("Martin")
    off = [await apporteurs.Desactiver(pb.DesactiverApporteurRequest(id=made.id)) for _ in range(2)]
    assert [(one.actif, one.version) for one in off] == [(False, 2)] * 2
    assert off[0] == await apporteurs.Get(pb.GetApporteurRequest(id=made.id))
    on = [await apporteurs.Activer(pb.ActiverApporteurRequest(id=made.id)) for _ in range(2)]
    assert [(one.actif, one.version) for one in on] == [(True, 3)] * 2


async def test_R06_who_is_unknown_cannot_be_activated(
    apporteurs: ApporteurServiceStub, foreign_apporteurs: ApporteurServiceStub, new: New
) -> None:
    """An unknown, a malformed and a foreign id are NOT_FOUND."""
    made = await new("Martin")
    for stub, identity in ((apporteurs, UNKNOWN), (apporteurs, "x"), (foreign_apporteurs, made.id)):
        for call in (
            stub.Activer(pb.ActiverApporteurRequest(id=identity)),
            stub.Desactiver(pb.DesactiverApporteurRequest(id=identity)),
        ):
            assert (await refusal(call)).reason == "INTROUVABLE"


async def test_R09_a_user_is_looked_for_in_one_organisation(
    apporteurs: ApporteurServiceStub, foreign_apporteurs: ApporteurServiceStub, new: New
) -> None:
    """A member finds the apporteur of his own organisation and nobody else's."""
    made = await new("Martin", **FULL)
    request = pb.GetApporteurByUtilisateurRequest(utilisateur_id="u-7")
    assert await apporteurs.GetByUtilisateur(request) == made
    assert (await refusal(foreign_apporteurs.GetByUtilisateur(request))).code == StatusCode.NOT_FOUND
    nobody = await refusal(apporteurs.GetByUtilisateur(pb.GetApporteurByUtilisateurRequest()))
    assert (nobody.reason, nobody.metadata) == ("CHAMP_REQUIS", {"champ": "utilisateur_id"})


async def test_R09_a_service_names_the_organisation(mesh: Mesh, new: New, org: str) -> None:
    """A service finds the apporteur of the organisation that it names; it must name one."""
    made = await new("Martin", **FULL)
    request = pb.GetApporteurByUtilisateurRequest(utilisateur_id="u-7")
    for_nobody = mesh.service_stub(ApporteurServiceStub, caller="commerciaux")
    assert (await refusal(for_nobody.GetByUtilisateur(request))).reason == "ORGANISATION_REQUISE"
    for_org = mesh.service_stub(ApporteurServiceStub, caller="commerciaux", organisation=org)
    assert await for_org.GetByUtilisateur(request) == made
