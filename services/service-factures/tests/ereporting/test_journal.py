"""The journal of e-reporting, written with the act that it tells (R42, R44)."""

import pytest
from crm.factures import factures_pb2 as pb
from db_utils import Scope, within
from grpc import StatusCode
from psycopg.errors import RaiseException
from service_factures.completion import complete_identities
from service_factures.ereporting.models import EReportingLigne, EReportingPeriode
from service_testing import Mesh, refused
from sqlalchemy import delete, update
from tests.ereporting.declarant import Declarant
from tests.facturation import R3, SAVED
from tests.people import People

_SALE = ("TRANSACTION", "2026-01-22", "TPS1", 20, 41.58, 8.32)


async def test_R42_the_story(declarant: Declarant) -> None:
    """49.90 to a person on 22 January, received on 5 February, returned on 20 March."""
    with declarant.on("2026-01-22"):
        await declarant.settings()
        facture = await declarant.issued()
        assert facture.numero == "FAC2026000001"
        assert await declarant.lines("2026-01-D3") == [_SALE]
        assert await declarant.lines("2026-01") == []
    with declarant.on("2026-02-05"):
        await declarant.pay(facture)
        await declarant.pay(facture)
        assert await declarant.lines("2026-02") == [("ENCAISSEMENT", "2026-02-05", "TPS1", 20, 41.58, 8.32)]
    with declarant.on("2026-03-20"):
        await declarant.take_back(facture)
        await declarant.take_back(facture)
        assert await declarant.lines("2026-03") == [("ENCAISSEMENT", "2026-03-20", "TPS1", 20, -41.58, -8.32)]


async def test_R42_sales_to_persons_are_told_in_sum_per_day_and_rate(declarant: Declarant) -> None:
    """Two invoices and an avoir of one day; the totals are those of the whole period."""
    with declarant.on("2026-01-21"):
        await declarant.settings()
        await declarant.issued()
    with declarant.on("2026-01-22"):
        await declarant.issued()
        facture = await declarant.issued(lignes=R3)
        await declarant.credit(facture, montant=56)
        report = await declarant.report("2026-01-D3")
        assert [(one.jour, one.taux, one.montant_ttc, one.nombre) for one in report.lignes] == [
            ("2026-01-21", 20, 49.90, 1),
            ("2026-01-22", 5.5, 13.04, 2),
            ("2026-01-22", 10, 25.02, 2),
            ("2026-01-22", 20, 67.84, 3),
        ]
        assert {(one.facture_id, one.numero) for one in report.lignes} == {("", "")}
        assert [(one.taux, one.base_ht, one.montant_tva) for one in report.totaux] == [
            (20, 98.11, 19.63),
            (10, 22.75, 2.27),
            (5.5, 12.36, 0.68),
        ]


async def test_R42_sales_abroad_are_told_invoice_by_invoice(declarant: Declarant) -> None:
    """An export of goods, whose receipt is not told, and a service, whose receipt is."""
    with declarant.on("2026-01-22"):
        await declarant.settings()
        export = {"taux_tva": 0, "motif_exoneration": "EXPORT", "nature_operation": "BIENS"}
        goods = await declarant.issued(traitement="B2BINT", **export)
        service = await declarant.issued(traitement="B2BINT")
        for one in (goods, service):
            await declarant.pay(one)
        sales = (await declarant.report("2026-01-D3")).lignes
        assert [(one.numero, one.facture_id, one.categorie, one.traitement) for one in sales] == [
            (goods.numero, goods.id, "TNT1", "B2BINT"),
            (service.numero, service.id, "TPS1", "B2BINT"),
        ]
        receipts = (await declarant.report("2026-01")).lignes
        assert [one.facture_id for one in receipts] == [service.id]


@pytest.mark.parametrize(
    ("settings", "fields", "natures"),
    [
        ({}, {"traitement": "B2B"}, set()),
        ({}, {"traitement": "OUTOFSCOPE"}, set()),
        ({"ereporting_depuis": "2026-01-23"}, {}, set()),
        ({"option_debits": True}, {}, {"TRANSACTION"}),
        ({}, {"nature_operation": "BIENS"}, {"TRANSACTION"}),
        ({}, {"nature_operation": "MIXTE"}, {"TRANSACTION", "ENCAISSEMENT"}),
    ],
)
async def test_R42_what_is_told(
    declarant: Declarant, settings: dict[str, object], fields: dict[str, object], natures: set[str]
) -> None:
    """Neither what a platform tells or nobody, nor what came before; receipts of services alone."""
    with declarant.on("2026-01-22"):
        await declarant.settings(regime_tva="SIMPLIFIE", **settings)
        await declarant.pay(await declarant.issued(**fields))
        assert {one.nature for one in (await declarant.report("2026-01")).lignes} == natures


async def test_R42_a_receipt_after_the_beginning_is_told(declarant: Declarant) -> None:
    """Also that of an invoice which was issued before."""
    with declarant.on("2026-01-22"):
        await declarant.settings(ereporting_depuis="2026-02-01")
        facture = await declarant.issued()
        await declarant.pay(facture, montant=10)
    with declarant.on("2026-02-05"):
        await declarant.pay(facture, "pay-2", 39.9)
        assert [one.montant_ttc for one in (await declarant.report("2026-02")).lignes] == [39.9]
        for empty in ("2026-01-D3", "2026-01"):
            assert await declarant.lines(empty) == []


async def test_R42_an_avoir_that_moves_receipts_tells_it(declarant: Declarant) -> None:
    """Half of two rates is paid and one of them credited: minus at one, plus at the other."""
    with declarant.on("2026-01-22"):
        await declarant.settings()
        halves = [{"montant": 60, "taux_tva": rate} for rate in (20, 10)]
        facture = await declarant.issued(montants=halves)
        await declarant.pay(facture, montant=60)
        await declarant.credit(facture, lignes=[{"ligne_id": facture.lignes[0].id, "quantite": 1}])
        told = (await declarant.report("2026-01")).lignes
        assert [(one.taux, one.montant_ttc, one.nombre) for one in told] == [(10, 60, 2), (20, 0, 2)]


async def test_R42_drafts_are_told_when_they_are_issued(declarant: Declarant) -> None:
    """On the day of their issue."""
    with declarant.on("2026-01-22"):
        await declarant.settings()
        draft = await declarant.issued(brouillon=True)
        assert await declarant.lines("2026-01-D3") == []
        await declarant.factures.Finalize(pb.FinalizeFactureRequest(id=draft.id))
        assert await declarant.lines("2026-01-D3") == [_SALE]


async def test_R42_a_sale_is_told_once_its_parties_are_known(
    declarant: Declarant, mesh: Mesh, people: People
) -> None:
    """With the receipts that came before, an avoir like its invoice, and nothing twice."""
    with declarant.on("2026-01-22"):
        await declarant.settings(regime_tva="SIMPLIFIE")
    client = await people.person()
    with declarant.on("2026-01-22"):
        facture = await declarant.issued(client_id=client, traitement="")
        assert (facture.identite_statut, facture.traitement) == ("A_COMPLETER", "")
        await declarant.pay(facture)
        await declarant.credit(facture)
        await declarant.take_back(facture)
        assert await declarant.lines("2026-01") == []
        await declarant.settings(**SAVED)
        for _ in range(2):
            await complete_identities(mesh["factures"].app)
        told = (await declarant.report("2026-01")).lignes
        assert [(one.nature, one.nombre, one.montant_ttc) for one in told] == [
            ("TRANSACTION", 2, 0),
            ("ENCAISSEMENT", 2, 0),
        ]


async def test_R42_a_sale_whose_treatment_was_named_is_told_at_its_issue(
    declarant: Declarant, mesh: Mesh, people: People
) -> None:
    """And not again once its parties are known, nor are its receipt and its avoir."""
    with declarant.on("2026-01-22"):
        await declarant.settings(regime_tva="SIMPLIFIE")
    client = await people.person()
    with declarant.on("2026-01-22"):
        facture = await declarant.issued(client_id=client)
        await declarant.pay(facture, montant=10)
        await declarant.credit(facture, montant=5)
        told = await declarant.report("2026-01")
        assert [(one.nature, one.montant_ttc) for one in told.lignes] == [
            ("TRANSACTION", 44.9),
            ("ENCAISSEMENT", 10),
        ]
        await declarant.settings(**SAVED)
        await complete_identities(mesh["factures"].app)
        assert (await declarant.factures.Get(pb.GetFactureRequest(id=facture.id))).acheteur.fields
        assert await declarant.report("2026-01") == told


async def test_R44_a_sale_whose_parties_are_known_late_goes_to_the_open_period(
    declarant: Declarant, mesh: Mesh, people: People
) -> None:
    """Its own period was closed without it."""
    with declarant.on("2026-01-22"):
        await declarant.settings()
    client = await people.person()
    with declarant.on("2026-01-22"):
        await declarant.issued(client_id=client, traitement="")
    with declarant.on("2026-02-05"):
        assert (await declarant.close("2026-01-D3")).lignes == []
        await declarant.settings(**SAVED)
        await complete_identities(mesh["factures"].app)
        (late,) = (await declarant.report("2026-02-D1")).lignes
        assert (late.jour, late.periode_corrigee, late.montant_ttc) == ("2026-01-22", "2026-01-D3", 49.9)


async def test_R42_the_journal_is_never_changed(declarant: Declarant, mesh: Mesh) -> None:
    """Nor is a closed period: the database refuses both."""
    with declarant.on("2026-01-22"):
        await declarant.settings()
        await declarant.issued()
    with declarant.on("2026-02-01"):
        await declarant.close("2026-01-D3")
    database = mesh.database("factures")
    with within(Scope(declarant.org)):
        for statement in (
            delete(EReportingLigne),
            update(EReportingLigne).values(base_ht=0),
            delete(EReportingPeriode),
            update(EReportingPeriode).values(curseur=0),
        ):
            with pytest.raises(RaiseException, match="append-only"):
                async with database.transaction() as tx:
                    await tx.execute(statement)


async def test_R42_a_refused_act_tells_nothing(declarant: Declarant) -> None:
    """The line is written with the act, so it goes with it."""
    with declarant.on("2026-01-22"):
        await declarant.settings()
        refusal = declarant.issued(date_echeance="2026-01-01")
        assert await refused(refusal) == (StatusCode.INVALID_ARGUMENT, "ECHEANCE_ANTERIEURE")
        assert await declarant.lines("2026-01-D3") == []
