"""Validation of bordereaux, their files, and what never changes again (R25)."""

import asyncio
import hashlib
from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from crm.commerciaux import commerciaux_pb2 as apporteurs_pb
from crm.commerciaux.commerciaux_pb2_grpc import ApporteurServiceStub
from crm.commission import commission_pb2 as pb
from crm.commission.commission_pb2_grpc import BordereauServiceStub
from crm.organisations import organisations_pb2 as organisations_pb
from crm.organisations.organisations_pb2_grpc import OrganisationServiceStub, SocieteServiceStub
from grpc import StatusCode
from grpc.aio import AioRpcError
from psycopg.errors import RaiseException
from service_commission.bordereau_models import Bordereau
from service_commission.models import Commission
from service_testing import Mesh, refused
from service_testing.fixtures import Member
from service_testing.refusals import read
from tests.calls import as_read, draft, exported, validated
from tests.dus import Dus
from tests.releves import cells_of, text_of, totals_of

pytestmark = pytest.mark.usefixtures("mars")


async def test_R25_a_validated_bordereau_has_its_reference_and_its_commissions(
    bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """The common story: 4.16 of February, net 4.16; the reprises it applies are its own, too."""
    row = await dus.commission()
    former = await dus.commission("3.00", statut="EN_ATTENTE", date_encaissement=date(2026, 1, 5))
    taken = await dus.reprise(former, "1.00")
    bordereau = await validated(bordereaux)
    assert (bordereau.statut, bordereau.reference) == ("VALIDE", "BRD-2026-02-000001")
    assert (bordereau.total_brut, bordereau.total_net) == (6.16, 5.16)
    assert bordereau.valide_par != ""
    row, taken = await dus.stored(row), await dus.stored(taken)
    assert (row.statut, str(row.bordereau_id), row.version) == ("VALIDEE", bordereau.id, 2)
    assert (taken.statut, str(taken.bordereau_id)) == ("APPLIQUEE", bordereau.id)
    assert bordereau == await bordereaux.Get(pb.GetBordereauRequest(id=bordereau.id))


async def test_R25_the_files_say_what_the_tables_say(
    bordereaux: BordereauServiceStub, mesh: Mesh, member: Member, dus: Dus
) -> None:
    """Totals identical to the cent, the names of others, and the hash that was stored."""
    know = organisations_pb.EnsureExistsRequest(id=dus.org)
    await mesh.service_stub(OrganisationServiceStub, caller="commission").EnsureExists(know)
    societe = await member(SocieteServiceStub).Create(
        organisations_pb.CreateSocieteRequest(raison_sociale="Atelier Élan", siren="552100554")
    )
    agent = await member(ApporteurServiceStub).Create(
        apporteurs_pb.CreateApporteurRequest(nom="Œuvrard", prenom="Łukasz")
    )
    for montant in ("4.16", "1234.57"):
        await dus.commission(montant, agent.id, societe_id=societe.id)
    bordereau = await validated(bordereaux, "2026-02", agent.id)
    pdf, xlsx = [await exported(bordereaux, bordereau, kind) for kind in ("PDF", "XLSX")]
    name = "Bordereau_Commissions_Atelier_Élan_2026-02_BRD-2026-02-000001"
    assert (pdf.file_name, xlsx.file_name) == (f"{name}.pdf", f"{name}.xlsx")
    assert (pdf.sha256, xlsx.sha256) == (bordereau.sha256_pdf, bordereau.sha256_xlsx)
    for file in (pdf, xlsx):
        assert hashlib.sha256(file.content).hexdigest() == file.sha256
    totals, text = totals_of(xlsx.content), text_of(pdf.content)
    assert float(totals["Net à payer"]) == bordereau.total_net == 1238.73
    assert totals["Bénéficiaire"] == f"{agent.prenom} {agent.nom}"
    assert [row[-1] for row in cells_of(xlsx.content, "Lineaire")] == [4.16, 1234.57]
    for said in ("1 238,73 €", "Atelier Élan", totals["Bénéficiaire"], "STANDARD v1", bordereau.valide_par):
        assert said in text
    assert pdf.content == (await exported(bordereaux, bordereau, "PDF")).content


async def test_R25_the_states_of_a_bordereau_follow_each_other(
    bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """Draft, validated, exported once, paid with its commissions; there is no way back."""
    row = await dus.commission()
    made = await draft(bordereaux)
    assert (await refused(exported(bordereaux, made, "PDF")))[1] == "BORDEREAU_NON_VALIDE"
    paying = pb.MarquerPayeRequest(id=made.id, date_paiement="2026-03-10", reference="VIR-1")
    assert (await refused(bordereaux.MarquerPaye(paying)))[1] == "TRANSITION_INTERDITE"
    bordereau = await bordereaux.Valider(as_read(made))
    await exported(bordereaux, bordereau, "PDF")
    await exported(bordereaux, bordereau, "XLSX")
    after = await bordereaux.Get(pb.GetBordereauRequest(id=bordereau.id))
    assert (after.statut, after.version) == ("EXPORTE", bordereau.version + 1)
    paid = await bordereaux.MarquerPaye(paying)
    assert (paid.statut, paid.date_paiement, paid.reference_paiement) == ("PAYE", "2026-03-10", "VIR-1")
    assert (await dus.stored(row)).statut == "PAYEE"
    ligne = pb.SelectionnerLigneRequest(ligne_id=made.lignes[0].id, motif="trop tard")
    for call in (
        bordereaux.MarquerPaye(paying),
        bordereaux.Valider(as_read(paid)),
        bordereaux.SelectionnerLigne(ligne),
        draft(bordereaux),
    ):
        assert (await refused(call))[0] == StatusCode.FAILED_PRECONDITION
    assert (await refused(exported(bordereaux, paid, "CSV"))) == (
        StatusCode.INVALID_ARGUMENT,
        "VALEUR_INCONNUE",
    )
    assert (await exported(bordereaux, paid, "PDF")).sha256 == bordereau.sha256_pdf


async def test_R25_nothing_selected_is_nothing_to_validate(
    bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """Neither an empty draft nor one whose lines are all out."""
    empty = await draft(bordereaux, "2026-01")
    assert await refused(bordereaux.Valider(as_read(empty))) == (
        StatusCode.FAILED_PRECONDITION,
        "BORDEREAU_VIDE",
    )
    await dus.commission()
    made = await draft(bordereaux)
    out = pb.SelectionnerLigneRequest(ligne_id=made.lignes[0].id, motif="doute")
    without = await bordereaux.SelectionnerLigne(out)
    assert await refused(bordereaux.Valider(as_read(without))) == (
        StatusCode.FAILED_PRECONDITION,
        "BORDEREAU_VIDE",
    )


@pytest.mark.parametrize(
    "changes", [{"statut": "ANNULEE", "montant_repris": Decimal("4.16")}, {"montant_repris": Decimal("1.67")}]
)
async def test_R25_what_has_changed_since_is_not_paid(
    bordereaux: BordereauServiceStub, dus: Dus, changes: dict[str, Any]
) -> None:
    """A commission annulled or lowered meanwhile: ABORTED, and nothing has happened; anew it is right."""
    row = await dus.commission()
    await dus.commission("2.00")
    made = await draft(bordereaux)
    await dus.change(row, **changes)
    assert await refused(bordereaux.Valider(as_read(made))) == (StatusCode.ABORTED, "BORDEREAU_PERIME")
    assert Counter(one.statut for one in await dus.all(Commission))["VALIDEE"] == 0
    again = await validated(bordereaux)
    assert again.reference == "BRD-2026-02-000001"
    assert again.total_net == 2.00 + float(row.montant - changes["montant_repris"])


async def test_R25_only_the_draft_that_was_read_is_validated(
    bordereaux: BordereauServiceStub, dus: Dus
) -> None:
    """A draft that was generated anew with other lines has another version."""
    await dus.commission()
    made = await draft(bordereaux)
    await dus.commission("1.00")
    await draft(bordereaux)
    assert await refused(bordereaux.Valider(as_read(made))) == (StatusCode.ABORTED, "VERSION_PERIMEE")


async def test_R21_a_line_is_paid_by_one_bordereau(bordereaux: BordereauServiceStub, dus: Dus) -> None:
    """Of two drafts that hold a commission the second one is refused; built anew it is without it."""
    await dus.commission()
    made = [await draft(bordereaux, periode) for periode in ("2026-02", "2026-03")]
    assert [len(one.lignes) for one in made] == [1, 1]
    await bordereaux.Valider(as_read(made[0]))
    assert await refused(bordereaux.Valider(as_read(made[1]))) == (StatusCode.ABORTED, "BORDEREAU_PERIME")
    assert list((await draft(bordereaux, "2026-03")).lignes) == []


async def test_R25_of_two_validations_at_once_one_wins(bordereaux: BordereauServiceStub, dus: Dus) -> None:
    """The other one is refused; there is one reference and one payment."""
    await dus.commission()
    made = await draft(bordereaux)
    answers = await asyncio.gather(
        *(bordereaux.Valider(as_read(made)) for _ in range(5)), return_exceptions=True
    )
    won = [one for one in answers if isinstance(one, pb.Bordereau)]
    lost = [one for one in answers if not isinstance(one, pb.Bordereau)]
    assert [one.reference for one in won] == ["BRD-2026-02-000001"]
    assert len(won) + len(lost) == 5
    assert {read(one).code for one in lost if isinstance(one, AioRpcError)} <= {
        StatusCode.FAILED_PRECONDITION,
        StatusCode.ABORTED,
    }
    assert [one.statut for one in await dus.all(Bordereau)] == ["VALIDE"]


async def test_R25_references_have_no_gaps(bordereaux: BordereauServiceStub, dus: Dus) -> None:
    """Of bordereaux that are validated at once and of refused ones; the files carry the number they got."""
    agents = [f"app-{number}" for number in range(6)]
    await dus.commissions([dus.row("4.16", agent) for agent in agents])
    made = [await draft(bordereaux, "2026-02", agent) for agent in agents]
    stale = pb.ValiderBordereauRequest(id=made[0].id, version=made[0].version + 7)
    calls = [bordereaux.Valider(as_read(one)) for one in made]
    answers = await asyncio.gather(*calls, bordereaux.Valider(stale), return_exceptions=True)
    done = [one for one in answers if isinstance(one, pb.Bordereau)]
    assert sorted(one.reference for one in done) == [f"BRD-2026-02-{number:06d}" for number in range(1, 7)]
    for one in done:
        assert totals_of((await exported(bordereaux, one, "XLSX")).content)["Référence"] == one.reference
    await dus.commission("4.16", "app-0", date_encaissement=date(2026, 3, 1))
    assert (await validated(bordereaux, "2026-03", "app-0")).reference == "BRD-2026-03-000007"


async def test_R25_generating_waits_for_a_validation(bordereaux: BordereauServiceStub, dus: Dus) -> None:
    """And is refused after it, or comes before it and changes nothing: never in between."""
    await dus.commission()
    made = await draft(bordereaux)
    answers = await asyncio.gather(
        bordereaux.Valider(as_read(made)), *(draft(bordereaux) for _ in range(8)), return_exceptions=True
    )
    drafts = [one for one in answers[1:] if isinstance(one, pb.Bordereau)]
    assert all(one == made for one in drafts)
    refusals = [one for one in answers[1:] if not isinstance(one, pb.Bordereau)]
    assert {read(one).code for one in refusals if isinstance(one, AioRpcError)} <= {
        StatusCode.FAILED_PRECONDITION
    }
    assert [one.total_net for one in await dus.all(Bordereau)] == [Decimal("4.16")]


async def test_R25_the_tables_refuse_changes_of_what_is_validated(
    bordereaux: BordereauServiceStub, mesh: Mesh, dus: Dus
) -> None:
    """Totals, reference, lines, files and imputations, whoever asks."""
    await dus.commission()
    bordereau = await validated(bordereaux)
    of = f"bordereau_id = '{bordereau.id}'"
    for statement in (
        f"UPDATE bordereau SET total_net = 1000 WHERE id = '{bordereau.id}'",
        f"UPDATE bordereau SET reference = 'BRD-2026-02-000009' WHERE id = '{bordereau.id}'",
        f"UPDATE bordereau SET statut = 'BROUILLON' WHERE id = '{bordereau.id}'",
        f"DELETE FROM bordereau WHERE id = '{bordereau.id}'",
        f"UPDATE ligne_bordereau SET montant = 5 WHERE {of}",
        f"DELETE FROM ligne_bordereau WHERE {of}",
        f"UPDATE bordereau_fichiers SET pdf = 'x' WHERE {of}",
        f"DELETE FROM bordereau_fichiers WHERE {of}",
        f"UPDATE commission_audit SET action = 'x' WHERE ref_id = '{bordereau.id}'",
    ):
        async with mesh.database("commission").session() as session:
            with pytest.raises(RaiseException):
                await session.execute(statement.encode())
    assert bordereau == await bordereaux.Get(pb.GetBordereauRequest(id=bordereau.id))
