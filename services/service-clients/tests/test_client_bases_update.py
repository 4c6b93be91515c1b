"""ClientBaseService/Update: presence of fields (C9), and the rules of Create applied to changes."""

from typing import Any

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import (
    ClientBaseServiceStub,
    ClientEntrepriseServiceStub,
    StatutClientServiceStub,
)
from grpc import StatusCode
from service_testing import refusal

FULL = {
    "prenom": "Marie",
    "date_naissance": "1967-11-07",
    "partenaire_id": "part-1",
    "commercial_id": "com-1",
    "societe_id": "soc-1",
    "telephone": "01 40 00 00 00",
    "email": "marie@example.fr",
}


def update(client: pb.ClientBase, **fields: Any) -> pb.UpdateClientBaseRequest:
    """Request that changes *fields* of *client*."""
    return pb.UpdateClientBaseRequest(id=client.id, **fields)


@pytest.fixture
async def curie(clients: ClientBaseServiceStub) -> pb.ClientBase:
    """Client with every field filled."""
    return await clients.Create(pb.CreateClientBaseRequest(nom="Curie", **FULL))


@pytest.fixture
async def danone(clients: ClientBaseServiceStub, entreprises: ClientEntrepriseServiceStub) -> pb.ClientBase:
    """Client of type ENTREPRISE with a company sheet."""
    sheet = await entreprises.Create(
        pb.CreateClientEntrepriseRequest(raison_sociale="Danone", siren="552032534")
    )
    return await clients.Create(
        pb.CreateClientBaseRequest(nom="DANONE SA", type_client="ENTREPRISE", client_entreprise_id=sheet.id)
    )


async def test_C09_absent_fields_stay(clients: ClientBaseServiceStub, curie: pb.ClientBase) -> None:
    """An Update of one field changes that field, the version and updated_at only."""
    changed = await clients.Update(update(curie, prenom="ève"))
    assert changed.updated_at.ToNanoseconds() > curie.updated_at.ToNanoseconds()
    expected = pb.ClientBase()
    expected.CopyFrom(curie)
    expected.MergeFrom(pb.ClientBase(prenom="Ève", version=2, updated_at=changed.updated_at))
    assert expected == changed == await clients.Get(pb.GetClientBaseRequest(id=curie.id))


@pytest.mark.parametrize("field", FULL)
async def test_C09_present_and_empty_clears(
    clients: ClientBaseServiceStub, curie: pb.ClientBase, field: str
) -> None:
    """A field that is present and empty is cleared; prenom becomes the empty text."""
    changed = await clients.Update(update(curie, **{field: " "}))
    assert (getattr(changed, field), changed.version) == ("", 2)


async def test_C09_clearing_the_phone_clears_the_number(
    clients: ClientBaseServiceStub, curie: pb.ClientBase
) -> None:
    """A client whose phone was cleared is not found by it any more."""
    changed = await clients.Update(update(curie, telephone=""))
    search = pb.SearchClientBaseRequest(telephone=curie.telephone, nom=curie.nom)
    assert (changed.telephone_e164, (await clients.Search(search)).found) == ("", False)


@pytest.mark.parametrize("field", ["type_client", "nom", "compte_code", "statut"])
async def test_C09_what_every_client_has_cannot_be_cleared(
    clients: ClientBaseServiceStub, curie: pb.ClientBase, field: str
) -> None:
    """Clearing a mandatory field is CHAMP_REQUIS, and the client stays as it was."""
    answer = await refusal(clients.Update(update(curie, **{field: " "})))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "CHAMP_REQUIS",
        {"champ": field},
    )
    assert curie == await clients.Get(pb.GetClientBaseRequest(id=curie.id))


async def test_C09_a_change_of_nothing_is_none(clients: ClientBaseServiceStub, curie: pb.ClientBase) -> None:
    """The stored values in other spellings keep version and updated_at."""
    request = update(curie, nom="CURIE", compte_code="cli000001", version=1)
    for field, value in FULL.items():
        setattr(request, field, value)
    request.email = "MARIE@example.fr"
    assert curie == await clients.Update(request)


async def test_R02_names_are_normalised_on_update(
    clients: ClientBaseServiceStub, curie: pb.ClientBase
) -> None:
    """An Update respells names as Create does."""
    request = update(curie, nom="SKŁODOWSKA  CURIE", prenom="maria-salomea")
    changed = await clients.Update(request)
    assert (changed.nom, changed.prenom) == ("Skłodowska Curie", "Maria-Salomea")
    kept = await clients.Update(update(curie, nom="McDonald"))
    assert (kept.nom, kept.prenom) == ("McDonald", "Maria-Salomea")


async def test_R02_a_company_that_becomes_a_person_gets_a_persons_name(
    clients: ClientBaseServiceStub, danone: pb.ClientBase
) -> None:
    """A change of the type alone respells the stored name as the new type demands."""
    changed = await clients.Update(update(danone, type_client="PARTICULIER"))
    assert (danone.nom, changed.nom) == ("DANONE SA", "Danone Sa")


@pytest.mark.parametrize(
    "other", [{"nom": "Dupond", "telephone": "0612345678"}, {"nom": "DUPONT", "telephone": "0611111111"}]
)
async def test_R04_holds_on_update(
    clients: ClientBaseServiceStub, dupont: pb.ClientBase, other: dict[str, str]
) -> None:
    """A new name or phone that would make a client another one is ALREADY_EXISTS."""
    client = await clients.Create(pb.CreateClientBaseRequest(**other))
    request = update(client, nom=dupont.nom, telephone=dupont.telephone)
    answer = await refusal(clients.Update(request))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.ALREADY_EXISTS,
        "EXISTE_DEJA",
        {"contrainte": "uq_client_tel_nom", "id": dupont.id},
    )


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("telephone", "12", "FORMAT_INVALIDE"),
        ("telephone", "06" + " " * 21 + "12345678", "TROP_LONG"),
        ("email", "pas-une-adresse", "FORMAT_INVALIDE"),
        ("date_naissance", "2026-02-30", "DATE_INVALIDE"),
        ("compte_code", "A B", "FORMAT_INVALIDE"),
        ("type_client", "particulier", "VALEUR_INCONNUE"),
        ("societe_id", "é", "FORMAT_INVALIDE"),
        ("nom", "x" * 101, "TROP_LONG"),
        ("prenom", "x" * 101, "TROP_LONG"),
    ],
)
async def test_update_refuses_what_creation_refuses(
    clients: ClientBaseServiceStub, curie: pb.ClientBase, field: str, value: str, reason: str
) -> None:
    """A refused value is INVALID_ARGUMENT with the field, and nothing is changed."""
    answer = await refusal(clients.Update(update(curie, **{field: value})))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        reason,
        {"champ": field},
    )
    assert curie == await clients.Get(pb.GetClientBaseRequest(id=curie.id))


async def test_R09_any_status_may_follow_any_other(
    clients: ClientBaseServiceStub, statuts: StatutClientServiceStub, dupont: pb.ClientBase
) -> None:
    """A status of the system or organisation may follow any other; an unknown one may not."""
    await statuts.Create(pb.CreateStatutClientRequest(code="VIP", nom="Très important"))
    for statut in ("INACTIF", "VIP", "PROSPECT", "SUSPENDU", "ACTIF"):
        changed = await clients.Update(update(dupont, statut=statut))
        assert changed.statut == statut
    answer = await refusal(clients.Update(update(dupont, statut="PERDU")))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.FAILED_PRECONDITION,
        "STATUT_INCONNU",
        {"champ": "statut"},
    )


async def test_R10_a_person_has_no_sheet(clients: ClientBaseServiceStub, danone: pb.ClientBase) -> None:
    """A client that becomes a person loses its sheet and cannot be given one."""
    changed = await clients.Update(update(danone, type_client="PARTICULIER"))
    assert (changed.type_client, changed.client_entreprise_id) == ("PARTICULIER", "")
    request = update(danone, client_entreprise_id=danone.client_entreprise_id)
    answer = await refusal(clients.Update(request))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.INVALID_ARGUMENT,
        "FICHE_ENTREPRISE_INTERDITE",
        {"champ": "client_entreprise_id"},
    )


async def test_R10_a_partner_has_a_sheet_like_a_company(
    clients: ClientBaseServiceStub, danone: pb.ClientBase
) -> None:
    """A partner keeps its sheet, may lose it and be given it again."""
    sheet = danone.client_entreprise_id
    partner = await clients.Update(update(danone, type_client="PARTENAIRE"))
    assert (partner.type_client, partner.client_entreprise_id) == ("PARTENAIRE", sheet)
    for given in ("", sheet):
        changed = await clients.Update(update(danone, client_entreprise_id=given))
        assert changed.client_entreprise_id == given


async def test_R10_type_and_sheet_may_change_together(
    clients: ClientBaseServiceStub, dupont: pb.ClientBase, danone: pb.ClientBase
) -> None:
    """A person may become a company with a sheet; becoming a person with one is refused."""
    request = update(dupont, type_client="ENTREPRISE", client_entreprise_id=danone.client_entreprise_id)
    changed = await clients.Update(request)
    assert changed.client_entreprise_id == danone.client_entreprise_id
    request.type_client = "PARTICULIER"
    assert (await refusal(clients.Update(request))).code == StatusCode.INVALID_ARGUMENT
    cleared = update(dupont, type_client="PARTICULIER", client_entreprise_id="")
    assert (await clients.Update(cleared)).client_entreprise_id == ""


@pytest.mark.parametrize("identity", ["01a1fb75-50d8-7000-b12e-6ba4f946a11e", "pas-un-identifiant"])
async def test_R10_an_unknown_sheet_is_refused(
    clients: ClientBaseServiceStub, danone: pb.ClientBase, identity: str
) -> None:
    """A sheet that does not exist is FAILED_PRECONDITION with the field."""
    request = update(danone, client_entreprise_id=identity)
    answer = await refusal(clients.Update(request))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.FAILED_PRECONDITION,
        "REFERENCE_INCONNUE",
        {"champ": "client_entreprise_id"},
    )
