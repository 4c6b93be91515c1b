"""Rules of gammes and products as pure functions."""

from decimal import Decimal
from typing import Any

import pytest
from crm.products import products_pb2 as pb
from grpc_utils.errors import ChampRequis, FormatInvalide, Introuvable, TransitionInterdite, ValeurInconnue
from service_products import rules
from service_products.exonerations import MOTIFS, MotifSansExoneration
from service_products.models import Produit
from service_products.promotions import PromotionInvalide

LIFE = ("BROUILLON", "TEST", "ACTIF", "GELE", "RETIRE")
MOVES = {
    "BROUILLON": {"TEST", "ACTIF", "RETIRE"},
    "TEST": {"BROUILLON", "ACTIF", "RETIRE"},
    "ACTIF": {"GELE", "RETIRE"},
    "GELE": {"ACTIF", "RETIRE"},
    "RETIRE": set(),
}


def new(**fields: Any) -> Produit:
    """The row for a Create with *fields*."""
    usual = {"organisation_id": "org-1", "sku": "A", "nom": "Assurance"}
    return rules.new_produit(pb.CreateProduitRequest(**(usual | fields)))


def changed(produit: Produit, **fields: Any) -> dict[str, Any]:
    """The columns that an Update with *fields* changes."""
    return rules.produit_changes(produit, pb.UpdateProduitRequest(id="1", **fields))


@pytest.mark.parametrize(
    ("text", "code"), [("assur-01", "ASSUR-01"), ("a", "A"), ("x" * 50, "X" * 50), ("1.2_3-4", "1.2_3-4")]
)
def test_R1_codes_are_stored_in_capitals(text: str, code: str) -> None:
    """Those of products and of gammes."""
    gamme = rules.new_gamme(pb.CreateGammeRequest(organisation_id="org-1", code=text, nom="Gamme"))
    assert (new(sku=text).sku, gamme.code) == (code, code)


@pytest.mark.parametrize("text", ["été", "a b", "x" * 51, "a/b", "ß", "A\n", "١"])
def test_R1_other_texts_are_no_codes(text: str) -> None:
    """The refusal names the field."""
    with pytest.raises(FormatInvalide) as refused:
        new(sku=text)
    assert refused.value.metadata == {"champ": "sku"}
    with pytest.raises(FormatInvalide) as refused:
        rules.new_gamme(pb.CreateGammeRequest(code=text, nom="Gamme"))
    assert refused.value.metadata == {"champ": "code"}


def test_R1_a_code_is_needed() -> None:
    """An empty one is CHAMP_REQUIS."""
    with pytest.raises(ChampRequis):
        new(sku="")


@pytest.mark.parametrize("rate", [20, 10, 8.5, 5.5, 2.1, 0, 100])
def test_R2_every_rate_is_accepted(rate: float) -> None:
    """0 is a rate of its own."""
    assert new(taux_tva=rate).taux_tva == Decimal(str(rate))


def test_R2_a_rate_that_is_absent_is_20() -> None:
    """The normal one."""
    assert new().taux_tva == 20


def test_R3_a_text_that_is_no_id_is_no_gamme() -> None:
    """NOT_FOUND, like an unknown one."""
    with pytest.raises(Introuvable):
        new(gamme_id="x")
    with pytest.raises(Introuvable):
        changed(new(), gamme_id="x")


@pytest.mark.parametrize("former", LIFE)
def test_R5_the_moves_of_a_life(former: str) -> None:
    """Staying is no move."""
    for wanted in LIFE:
        if wanted == former or wanted in MOVES[former]:
            rules.check_move(former, wanted)
            continue
        with pytest.raises(TransitionInterdite) as refused:
            rules.check_move(former, wanted)
        assert refused.value.metadata == {"de": former, "vers": wanted}


def test_R5_a_new_product_begins_anywhere_but_at_the_end() -> None:
    """And in ACTIF when nothing is said."""
    assert [new(statut_cycle=text).statut_cycle for text in LIFE[:4]] == list(LIFE[:4])
    assert new().statut_cycle == "ACTIF"
    with pytest.raises(ValeurInconnue) as refused:
        new(statut_cycle="RETIRE")
    assert refused.value.metadata == {"champ": "statut_cycle"}


@pytest.mark.parametrize("field", ["sku", "nom", "categorie", "type", "devise", "statut_cycle"])
def test_C9_what_a_product_must_have_cannot_be_cleared(field: str) -> None:
    """CHAMP_REQUIS with the field."""
    with pytest.raises(ChampRequis) as refused:
        changed(new(), **{field: ""})
    assert refused.value.metadata == {"champ": field}


def test_R8_a_price_may_not_fall_below_a_promotion() -> None:
    """Unless the promotion is over (see test_promotions)."""
    produit = Produit(
        organisation_id="org-1", sku="A", nom="Assurance", prix=Decimal(60), prix_promotion=Decimal(39)
    )
    assert changed(produit, prix=39.01) == {"prix": Decimal("39.01")}
    with pytest.raises(PromotionInvalide) as refused:
        changed(produit, prix=39)
    assert refused.value.metadata == {"champ": "prix"}


@pytest.mark.parametrize("motif", ["", *MOTIFS])
def test_R19_a_product_without_tva_may_say_why(motif: str) -> None:
    """Or not yet."""
    assert new(taux_tva=0, motif_exoneration=motif).motif_exoneration == (motif or None)


def test_R19_the_reasons_are_those_of_invoices() -> None:
    """Seven."""
    assert set(MOTIFS) == {
        "FRANCHISE_293B",
        "EXONERATION_261C",
        "EXONERATION_261_4",
        "AUTOLIQUIDATION",
        "INTRACOM",
        "EXPORT",
        "HORS_CHAMP",
    }


def test_R19_an_unknown_reason_is_refused() -> None:
    """Before its rate is looked at."""
    for rate in (0, 20):
        with pytest.raises(ValeurInconnue) as refused:
            new(taux_tva=rate, motif_exoneration="EXONERE")
        assert refused.value.metadata == {"champ": "motif_exoneration"}


def test_R19_a_reason_needs_a_rate_of_0() -> None:
    """In a Create and after an Update of one of the two."""
    with pytest.raises(MotifSansExoneration):
        new(motif_exoneration="EXPORT")
    exempt, normal = new(taux_tva=0, motif_exoneration="EXPORT"), new()
    for produit, fields in ((exempt, {"taux_tva": 20}), (normal, {"motif_exoneration": "EXPORT"})):
        with pytest.raises(MotifSansExoneration):
            changed(produit, **fields)
    assert changed(exempt, taux_tva=20, motif_exoneration="") == {"taux_tva": 20, "motif_exoneration": None}


@pytest.mark.parametrize(
    "address",
    [
        "http://exemple.fr",
        "https://exemple.fr:8443/a%20b.png?x=1#y",
        "HTTPS://exemple.fr/a",
        "http://[::1]/a",
    ],
)
def test_an_image_has_an_http_address(address: str) -> None:
    """It is stored as it is."""
    assert rules.image_url(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "ftp://exemple.fr/a",
        "data:image/png;base64,AA",
        "exemple.fr/a",
        "//exemple.fr/a",
        "http://",
        "http:///a",
        "https://exemple.fr:99999/",
        "https://exemple.fr/a b",
        "https://[a/",
    ],
)
def test_an_image_has_no_other_address(address: str) -> None:
    """FORMAT_INVALIDE with the field."""
    with pytest.raises(FormatInvalide) as refused:
        rules.image_url(address)
    assert refused.value.metadata == {"champ": "image_url"}
