"""Settings of sociétés: what may be in them, and what invoices take from them (R5, R8)."""

import asyncio
from typing import Any

import pytest
from crm.factures import factures_pb2 as pb
from crm.factures.factures_pb2_grpc import FactureSettingsServiceStub
from grpc import StatusCode
from service_testing import refusal, refused
from tests.facturation import SAVED, Invoices, save

INVALID = StatusCode.INVALID_ARGUMENT


async def test_R08_settings_are_made_and_changed(reglages: FactureSettingsServiceStub) -> None:
    """Absent fields keep their value; numbers are stored without spaces."""
    assert (await refusal(reglages.Get(pb.GetFactureSettingsRequest()))).code == StatusCode.NOT_FOUND
    made = await reglages.Save(save(**SAVED))
    assert (made.siren, made.iban, made.email) == (
        "552100554",
        "FR1420041010050500013M02606",
        "factures@exemple.fr",
    )
    assert (made.prefix_facture, made.prefix_avoir, made.conditions_paiement) == ("FAC", "AV", "J30")
    assert (made.pays, made.calcul_fin_de_mois, list(made.taux_autorises)) == (
        "FR",
        "APRES_45J",
        [20, 10, 5.5, 2.1, 0],
    )
    assert made.escompte_texte == "Pas d'escompte pour paiement anticipé"
    changed = await reglages.Save(save(rcs="Paris", version=made.version))
    assert (changed.company_name, changed.rcs, changed.id) == (made.company_name, "Paris", made.id)
    assert await reglages.Get(pb.GetFactureSettingsRequest()) == changed
    assert (await refusal(reglages.Save(save(rcs="Lyon", version=made.version)))).code == StatusCode.ABORTED


async def test_R08_first_savings_at_once_make_one_row(reglages: FactureSettingsServiceStub) -> None:
    """Ten of them; each société has its own."""
    rows = await asyncio.gather(*(reglages.Save(save(ville=f"Ville {rang}")) for rang in range(10)))
    assert len({row.id for row in rows}) == 1
    assert (await reglages.Save(save(societe_id="soc-1"))).id != rows[0].id


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"siren": "552100555"}, "FORMAT_INVALIDE"),
        ({"siren": "552100554", "siret": "73282932000074"}, "FORMAT_INVALIDE"),
        ({"siren": "552100554", "tva_intracom": "FR16418166096"}, "FORMAT_INVALIDE"),
        ({"iban": "FR1420041010050500013M02607"}, "FORMAT_INVALIDE"),
        ({"bic": "XX"}, "FORMAT_INVALIDE"),
        ({"siren": "552100554", "adresse_electronique": "0225:418166096"}, "FORMAT_INVALIDE"),
        ({"email": "personne"}, "FORMAT_INVALIDE"),
        ({"couleurs": "rouge"}, "FORMAT_INVALIDE"),
        *(({name: "é" * 2001}, "TROP_LONG") for name in ("header_text", "footer_text", "mentions_libres")),
        ({"pays": "fr"}, "FORMAT_INVALIDE"),
        ({"prefix_facture": "fac"}, "FORMAT_INVALIDE"),
        ({"prefix_facture": "ABCDEFGHIJK"}, "FORMAT_INVALIDE"),
        ({"prefix_facture": ""}, "CHAMP_REQUIS"),
        ({"prefix_facture": "AV"}, "PREFIXES_IDENTIQUES"),
        ({"conditions_paiement": "J90"}, "VALEUR_INCONNUE"),
        ({"calcul_fin_de_mois": "AUTRE"}, "VALEUR_INCONNUE"),
        ({"taux_autorises": [20, 19]}, "TAUX_INCONNU"),
        ({"taux_penalites": 101}, "POURCENTAGE_INVALIDE"),
        ({"societe_id": "../x"}, "FORMAT_INVALIDE"),
    ],
)
async def test_R08_what_cannot_be_is_refused(
    reglages: FactureSettingsServiceStub, fields: dict[str, Any], reason: str
) -> None:
    """With INVALID_ARGUMENT, and nothing is stored."""
    assert await refused(reglages.Save(save(**fields))) == (INVALID, reason)
    assert (await refusal(reglages.Get(pb.GetFactureSettingsRequest()))).code == StatusCode.NOT_FOUND


async def test_R08_a_prefix_is_fixed_by_the_first_number(
    reglages: FactureSettingsServiceStub, made: Invoices
) -> None:
    """For the year; other settings may change."""
    await reglages.Save(save(prefix_facture="F-", prefix_avoir="A"))
    facture = await made.issued()
    assert facture.numero.startswith("F-20")
    told = (StatusCode.FAILED_PRECONDITION, "PREFIXE_FIGE")
    assert await refused(reglages.Save(save(prefix_facture="X"))) == told
    assert (await reglages.Save(save(prefix_avoir="AVO", ville="Paris"))).prefix_facture == "F-"


async def test_R05_a_societe_without_vat_charges_none(
    reglages: FactureSettingsServiceStub, made: Invoices
) -> None:
    """Whatever rate was asked for, with the reason of the law (R46)."""
    await reglages.Save(save(franchise_tva=True))
    for fields in (
        {"montant": 100, "taux_tva": 20},
        {"montants": [{"montant": 100, "taux_tva": 10}]},
        {"lignes": [{"description": "x", "quantite": 1, "prix_unitaire": 100}]},
        {"montant": 100, "motif_exoneration": "EXPORT"},
    ):
        facture = await made.issued(**fields)
        assert (facture.montant_ttc, facture.montant_tva, facture.motif_exoneration) == (
            100,
            0,
            "FRANCHISE_293B",
        )
        assert facture.lignes[0].categorie_tva == "E"


async def test_R05_rates_are_those_of_the_societe(
    reglages: FactureSettingsServiceStub, made: Invoices
) -> None:
    """A société of La Réunion may charge 8.5 %."""
    assert await refused(made.issued(taux_tva=8.5)) == (INVALID, "TAUX_NON_AUTORISE")
    saved = await reglages.Save(save(societe_id="run", taux_autorises=[2.1, 8.5, 0, 8.5]))
    assert list(saved.taux_autorises) == [8.5, 2.1, 0]
    assert (await made.issued(societe_id="run", taux_tva=8.5)).montant_ttc == 1000
    assert await refused(made.issued(societe_id="run")) == (INVALID, "TAUX_NON_AUTORISE")


@pytest.mark.parametrize(
    ("motif", "nature", "categorie"),
    [
        ("EXONERATION_261C", "SERVICES", "E"),
        ("EXONERATION_261_4", "SERVICES", "E"),
        ("AUTOLIQUIDATION", "SERVICES", "AE"),
        ("INTRACOM", "BIENS", "K"),
        ("EXPORT", "BIENS", "G"),
        ("HORS_CHAMP", "SERVICES", "O"),
    ],
)
async def test_R05_each_reason_has_its_category(
    made: Invoices, motif: str, nature: str, categorie: str
) -> None:
    """As EN 16931 names it."""
    fields = {"taux_tva": 0, "motif_exoneration": motif, "nature_operation": nature}
    facture = await made.issued(montant=100, **fields)
    assert (facture.lignes[0].categorie_tva, facture.ventilation_tva[0].categorie) == (categorie, categorie)


async def test_R05_hors_champ_stands_alone(made: Invoices) -> None:
    """A line at a rate beside it is refused."""
    rows = [{"montant": 10, "taux_tva": 0}, {"montant": 10, "taux_tva": 20}]
    call = made.issued(montants=rows, motif_exoneration="HORS_CHAMP")
    assert await refused(call) == (INVALID, "HORS_CHAMP_SEUL")
