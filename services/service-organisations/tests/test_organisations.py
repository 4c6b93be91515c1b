"""OrganisationService: creation, changes, states and deletion."""

import asyncio
from typing import Any

import pytest
from crm.organisations import organisations_pb2 as pb
from crm.organisations.organisations_pb2_grpc import (
    OrganisationServiceStub,
    PartenaireMarqueBlancheServiceStub,
    SocieteServiceStub,
)
from db_utils import parse_uuid
from grpc import StatusCode
from grpc.aio import AioRpcError
from service_testing import refusal

SIRET, OTHER_SIRET = "73282932000074", "55210055400013"
SIREN, CONTACT = "732829320", "support@martin.example"


def update(organisation: pb.Organisation, **fields: Any) -> pb.UpdateOrganisationRequest:
    """Request that changes *fields* of *organisation*."""
    return pb.UpdateOrganisationRequest(id=organisation.id, **fields)


def deletion(organisation: pb.Organisation) -> pb.DeleteOrganisationRequest:
    """Request that deletes *organisation*."""
    return pb.DeleteOrganisationRequest(id=organisation.id)


async def test_R02_an_organisation_is_stored_in_one_form(
    organisations: OrganisationServiceStub, org: str
) -> None:
    """Create keeps the given id, trims texts, and stores numbers without spaces."""
    made = await organisations.Create(
        pb.CreateOrganisationRequest(
            id=org,
            nom="  Martin SAS ",
            description="Courtier",
            siret="732 829 320 00074",
            adresse="1 rue de la Paix\n75002 Paris",
            telephone="+33 (0)1.42-60",
            email="Contact@Martin.example",
        )
    )
    expected = pb.Organisation(
        id=org,
        nom="Martin SAS",
        description="Courtier",
        siret=SIRET,
        adresse="1 rue de la Paix\n75002 Paris",
        telephone="+33 (0)1.42-60",
        email="contact@martin.example",
        actif=True,
        etat="actif",
        created_at=made.created_at,
        updated_at=made.created_at,
        version=1,
    )
    assert expected == made == await organisations.Get(pb.GetOrganisationRequest(id=org))
    await organisations.Update(update(made, siret=""))


async def test_R02_without_an_id_one_is_made(organisations: OrganisationServiceStub) -> None:
    """Create makes a UUID, for a caller who belongs to another organisation too."""
    made = await organisations.Create(pb.CreateOrganisationRequest(nom="Sans id", actif=False))
    assert parse_uuid(made.id) is not None
    assert not made.actif


@pytest.mark.parametrize(
    ("fields", "reason", "champ"),
    [
        ({"id": "-x"}, "FORMAT_INVALIDE", "id"),
        ({"id": "x" * 65}, "FORMAT_INVALIDE", "id"),
        ({"id": "a b"}, "FORMAT_INVALIDE", "id"),
        ({"nom": " \t "}, "CHAMP_REQUIS", "nom"),
        ({"nom": "x" * 256}, "TROP_LONG", "nom"),
        ({"siret": "73282932000079"}, "FORMAT_INVALIDE", "siret"),
        ({"siret": "7328293200007"}, "FORMAT_INVALIDE", "siret"),
        ({"siret": "00000000000018"}, "FORMAT_INVALIDE", "siret"),
        ({"email": "martin"}, "FORMAT_INVALIDE", "email"),
        ({"telephone": "06 12 ext. 3"}, "FORMAT_INVALIDE", "telephone"),
        ({"telephone": "0" * 51}, "TROP_LONG", "telephone"),
    ],
)
async def test_R16_creation_names_the_field_at_fault(
    organisations: OrganisationServiceStub, fields: dict[str, Any], reason: str, champ: str
) -> None:
    """A refused creation is INVALID_ARGUMENT with reason and field (R2, R3, R16)."""
    answer = await refusal(organisations.Create(pb.CreateOrganisationRequest(**({"nom": "Martin"} | fields))))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": champ},
    )


async def test_R02_an_id_is_given_once(
    organisations: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """A second creation is EXISTE_DEJA while the first lives, and ID_RESERVE for ever after."""
    again = pb.CreateOrganisationRequest(id=martin.id, nom="Autre")
    living = await refusal(organisations.Create(again))
    assert (living.code, living.reason) == (StatusCode.ALREADY_EXISTS, "EXISTE_DEJA")
    await organisations.Delete(deletion(martin))
    deleted = await refusal(organisations.Create(again))
    assert (deleted.code, deleted.reason) == (StatusCode.ALREADY_EXISTS, "ID_RESERVE")


async def test_R03_a_siret_belongs_to_one_organisation(
    organisations: OrganisationServiceStub, strangers: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """A taken SIRET names its organisation to members only; deletion frees the number."""
    await organisations.Update(update(martin, siret=OTHER_SIRET))
    request = pb.CreateOrganisationRequest(nom="Autre", siret="552 100 554 00013")
    own, foreign = await refusal(organisations.Create(request)), await refusal(strangers.Create(request))
    taken = {"contrainte": "uq_organisation_siret"}
    assert (own.code, own.metadata) == (StatusCode.ALREADY_EXISTS, taken | {"id": martin.id})
    assert (foreign.code, foreign.metadata) == (StatusCode.ALREADY_EXISTS, taken)
    await organisations.Delete(deletion(martin))
    other = await organisations.Create(request)
    assert other.siret == OTHER_SIRET


async def test_R03_an_update_may_not_take_a_siret(
    organisations: OrganisationServiceStub, inside: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """Taking another organisation's SIRET is refused; a service is told whose it is."""
    number = "44306184100047"
    other = await organisations.Create(pb.CreateOrganisationRequest(nom="Autre", siret=number))
    own, service = [
        await refusal(one.Update(update(martin, siret=number))) for one in (organisations, inside)
    ]
    assert (own.code, own.metadata) == (StatusCode.ALREADY_EXISTS, {"contrainte": "uq_organisation_siret"})
    assert service.metadata == {"contrainte": "uq_organisation_siret", "id": other.id}


async def test_R03_parallel_creations_of_a_siret_make_one(organisations: OrganisationServiceStub) -> None:
    """One of ten creations of a SIRET at once succeeds."""
    request = pb.CreateOrganisationRequest(nom="Course", siret="41816609600069")
    answers = await asyncio.gather(
        *(organisations.Create(request) for _ in range(10)), return_exceptions=True
    )
    codes = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert codes == [StatusCode.ALREADY_EXISTS] * 9


async def test_C09_update_changes_what_is_present(
    organisations: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """Absent fields stay, stored values change nothing, an old version is refused."""
    changed = await organisations.Update(update(martin, email="A@B.example", actif=False))
    assert (changed.nom, changed.email, changed.actif, changed.version) == (
        "Martin SAS",
        "a@b.example",
        False,
        2,
    )
    assert changed == await organisations.Update(update(martin, email=" a@B.example", version=2))
    cleared = await organisations.Update(update(martin, email=""))
    assert (cleared.email, cleared.version) == ("", 3)
    old = await refusal(organisations.Update(update(martin, nom="Autre", version=2)))
    assert (old.code, old.reason) == (StatusCode.ABORTED, "VERSION_PERIMEE")


@pytest.mark.parametrize("field", ["nom", "etat"])
async def test_C09_what_every_organisation_has_cannot_be_cleared(
    organisations: OrganisationServiceStub, martin: pb.Organisation, field: str
) -> None:
    """Clearing a mandatory field is CHAMP_REQUIS with the field."""
    answer = await refusal(organisations.Update(update(martin, **{field: ""})))
    assert (answer.reason, answer.metadata) == ("CHAMP_REQUIS", {"champ": field})


async def test_R05_inactif_forces_actif_to_false(
    organisations: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """As long as the state is inactif, actif is false; leaving the state does not set it."""
    inactive = await organisations.Update(update(martin, etat="inactif", actif=True))
    assert (inactive.etat, inactive.actif) == ("inactif", False)
    assert not (await organisations.Update(update(martin, actif=True))).actif
    back = await organisations.Update(update(martin, etat="actif"))
    assert (back.etat, back.actif) == ("actif", False)
    assert (await organisations.Update(update(martin, etat="suspendu", actif=True))).actif


async def test_R05_other_moves_are_refused(
    organisations: OrganisationServiceStub, martin: pb.Organisation
) -> None:
    """A refused move names both states; a text that is no state is VALEUR_INCONNUE."""
    wrong = await refusal(organisations.Update(update(martin, etat="essai")))
    assert (wrong.code, wrong.reason) == (StatusCode.FAILED_PRECONDITION, "TRANSITION_INTERDITE")
    assert wrong.metadata == {"de": "actif", "vers": "essai"}
    unknown = await refusal(organisations.Update(update(martin, etat="Actif")))
    assert (unknown.reason, unknown.metadata) == ("VALEUR_INCONNUE", {"champ": "etat"})


async def test_R06_an_organisation_in_use_is_not_deleted(
    organisations: OrganisationServiceStub,
    societes: SocieteServiceStub,
    partenaires: PartenaireMarqueBlancheServiceStub,
    inside: OrganisationServiceStub,
    martin: pb.Organisation,
) -> None:
    """A living company or a partner keeps users and services from deleting it."""
    societe = await societes.Create(pb.CreateSocieteRequest(raison_sociale="Martin", siren=SIREN))
    company = await refusal(organisations.Delete(deletion(martin)))
    await societes.Delete(pb.DeleteSocieteRequest(id=societe.id))
    partenaire = await partenaires.Create(
        pb.CreatePartenaireRequest(
            denomination="Marque", siren=SIREN, contact_support_email=CONTACT, statut="PROSPECT"
        )
    )
    elsewhere = (("x-organisation-id", "org-ailleurs"),)
    partner = await refusal(inside.Delete(deletion(martin), metadata=elsewhere))
    assert (company.code, company.reason) == (StatusCode.FAILED_PRECONDITION, "ENCORE_UTILISE")
    assert (partner.code, partner.reason) == (StatusCode.FAILED_PRECONDITION, "ENCORE_UTILISE")
    await partenaires.Delete(pb.DeletePartenaireRequest(id=partenaire.id))
    assert [(await organisations.Delete(deletion(martin))).success for _ in range(2)] == [True, False]
    assert (await refusal(organisations.Get(pb.GetOrganisationRequest(id=martin.id)))).reason == "INTROUVABLE"


@pytest.mark.parametrize("attempt", range(5))
async def test_R06_no_company_is_left_behind(
    organisations: OrganisationServiceStub,
    societes: SocieteServiceStub,
    martin: pb.Organisation,
    attempt: int,
) -> None:
    """One of a company's creation and the organisation's deletion at once is refused."""
    answers = await asyncio.gather(
        societes.Create(pb.CreateSocieteRequest(raison_sociale="Martin", siren=SIREN)),
        organisations.Delete(deletion(martin)),
        return_exceptions=True,
    )
    codes = {answer.code() for answer in answers if isinstance(answer, AioRpcError)}
    assert codes in ({StatusCode.NOT_FOUND}, {StatusCode.FAILED_PRECONDITION})
