"""ClientBaseService/Update: presence of fields (C9), and the rules of a creation once more."""

import asyncio
from typing import Any

import pytest
from crm.clients import clients_pb2 as pb
from crm.clients.clients_pb2_grpc import (
    ClientBaseServiceStub,
    ClientEntrepriseServiceStub,
    StatutClientServiceStub,
)
from grpc import StatusCode
from grpc.aio import AioRpcError
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
    """A request that changes *fields* of *client*."""
    return pb.UpdateClientBaseRequest(id=client.id, **fields)


@pytest.fixture
async def curie(clients: ClientBaseServiceStub) -> pb.ClientBase:
    """A client of which everything is known."""
    return await clients.Create(pb.CreateClientBaseRequest(nom="Curie", **FULL))


@pytest.fixture
async def danone(clients: ClientBaseServiceStub, entreprises: ClientEntrepriseServiceStub) -> pb.ClientBase:
    """A company with its sheet."""
    sheet = await entreprises.Create(
        pb.CreateClientEntrepriseRequest(raison_sociale="Danone", siren="552032534")
    )
    return await clients.Create(
        pb.CreateClientBaseRequest(nom="DANONE SA", type_client="ENTREPRISE", client_entreprise_id=sheet.id)
    )


async def test_C09_absent_fields_stay(clients: ClientBaseServiceStub, curie: pb.ClientBase) -> None:
    """One field given, one changed, with the next version and a later updated_at."""
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
    """Also prenom, which is never NULL: an empty first name is what a client without one has."""
    changed = await clients.Update(update(curie, **{field: " "}))
    assert (getattr(changed, field), changed.version) == ("", 2)


async def test_C09_clearing_the_phone_clears_the_number(
    clients: ClientBaseServiceStub, curie: pb.ClientBase
) -> None:
    """The client is then not found by its former phone."""
    changed = await clients.Update(update(curie, telephone=""))
    search = pb.SearchClientBaseRequest(telephone=curie.telephone, nom=curie.nom)
    assert (changed.telephone_e164, (await clients.Search(search)).found) == ("", False)


@pytest.mark.parametrize("field", ["type_client", "nom", "compte_code", "statut"])
async def test_C09_what_every_client_has_cannot_be_cleared(
    clients: ClientBaseServiceStub, curie: pb.ClientBase, field: str
) -> None:
    """CHAMP_REQUIS names the field and the client stays as it was."""
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


async def test_C09_an_old_version_is_refused(clients: ClientBaseServiceStub, curie: pb.ClientBase) -> None:
    """ABORTED, also when the request would change nothing."""
    answer = await refusal(clients.Update(update(curie, nom="Curie", version=2)))
    assert (answer.code, answer.reason) == (StatusCode.ABORTED, "VERSION_PERIMEE")


async def test_C09_of_two_updates_of_one_version_one_wins(
    clients: ClientBaseServiceStub, curie: pb.ClientBase
) -> None:
    """One OK, one ABORTED, one change."""
    answers = await asyncio.gather(
        *(clients.Update(update(curie, prenom=prenom, version=1)) for prenom in ("Ève", "Irène")),
        return_exceptions=True,
    )
    codes = [answer.code() for answer in answers if isinstance(answer, AioRpcError)]
    assert codes == [StatusCode.ABORTED]
    assert (await clients.Get(pb.GetClientBaseRequest(id=curie.id))).version == 2


async def test_R02_names_are_normalised_on_update(
    clients: ClientBaseServiceStub, curie: pb.ClientBase
) -> None:
    """As on creation."""
    request = update(curie, nom="SKŁODOWSKA  CURIE", prenom="maria-salomea")
    changed = await clients.Update(request)
    assert (changed.nom, changed.prenom) == ("Skłodowska Curie", "Maria-Salomea")
    kept = await clients.Update(update(curie, nom="McDonald"))
    assert (kept.nom, kept.prenom) == ("McDonald", "Maria-Salomea")


async def test_R02_a_company_that_becomes_a_person_gets_a_persons_name(
    clients: ClientBaseServiceStub, danone: pb.ClientBase
) -> None:
    """The stored name follows the type, also when only the type is given."""
    changed = await clients.Update(update(danone, type_client="PARTICULIER"))
    assert (danone.nom, changed.nom) == ("DANONE SA", "Danone Sa")


@pytest.mark.parametrize(
    "other", [{"nom": "Dupond", "telephone": "0612345678"}, {"nom": "DUPONT", "telephone": "0611111111"}]
)
async def test_R04_holds_on_update(
    clients: ClientBaseServiceStub, dupont: pb.ClientBase, other: dict[str, str]
) -> None:
    """Neither a new name nor a new phone may make of a client another one."""
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
    """INVALID_ARGUMENT that names the field; nothing is changed."""
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
    """Of the system and of the organisation, and back; an unknown one may not."""
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
    """Becoming one clears it, and a person cannot be given one."""
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
    """Becoming one keeps it; it may be taken away and given again."""
    sheet = danone.client_entreprise_id
    partner = await clients.Update(update(danone, type_client="PARTENAIRE"))
    assert (partner.type_client, partner.client_entreprise_id) == ("PARTENAIRE", sheet)
    for given in ("", sheet):
        changed = await clients.Update(update(danone, client_entreprise_id=given))
        assert changed.client_entreprise_id == given


async def test_R10_type_and_sheet_may_change_together(
    clients: ClientBaseServiceStub, dupont: pb.ClientBase, danone: pb.ClientBase
) -> None:
    """A person becomes a company with a sheet; the reverse with a sheet is refused."""
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
    """FAILED_PRECONDITION that names the field."""
    request = update(danone, client_entreprise_id=identity)
    answer = await refusal(clients.Update(request))
    assert (answer.code, answer.reason, answer.metadata) == (
        StatusCode.FAILED_PRECONDITION,
        "REFERENCE_INCONNUE",
        {"champ": "client_entreprise_id"},
    )
