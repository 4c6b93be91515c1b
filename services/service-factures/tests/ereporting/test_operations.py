"""What sales and receipts come to in e-reporting, without a database (R42)."""

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from service_factures.encaissement_models import EncaissementTva
from service_factures.ereporting import operations
from service_factures.models import Facture, FactureTva

_ID, _DAY = UUID(int=1), date(2027, 9, 30)
_TWENTY = Decimal(20)


def _facture(kind: str = "FACTURE", nature: str = "SERVICES") -> Facture:
    return Facture(
        organisation_id="org", client_id="c", type=kind, nature_operation=nature, date_emission=_DAY
    )


def _row(montant: str, taux: Decimal = _TWENTY, categorie: str = "S") -> EncaissementTva:
    return EncaissementTva(
        organisation_id="org",
        facture_id=_ID,
        reglement_id=_ID,
        mouvement=_ID,
        taux=taux,
        categorie=categorie,
        montant=Decimal(montant),
        date=_DAY,
    )


@pytest.mark.parametrize(
    ("nature", "categorie_tva", "code"),
    [
        ("BIENS", "S", "TLB1"),
        ("BIENS", "E", "TLB1"),
        ("SERVICES", "S", "TPS1"),
        ("SERVICES", "E", "TPS1"),
        ("MIXTE", "S", "TPS1"),
        *(
            (nature, one, "TNT1")
            for nature in ("BIENS", "SERVICES", "MIXTE")
            for one in ("AE", "K", "G", "O")
        ),
    ],
)
def test_R42_the_code_of_what_was_sold(nature: str, categorie_tva: str, code: str) -> None:
    """Goods, services, or not taxed in France."""
    assert operations.categorie(nature, categorie_tva) == code


@pytest.mark.parametrize(("kind", "sign"), [("FACTURE", 1), ("AVOIR", -1)])
def test_R42_a_sale_is_one_operation_a_rate(kind: str, sign: int) -> None:
    """An avoir takes it back."""
    tva = FactureTva(
        organisation_id="org",
        facture_id=_ID,
        taux=_TWENTY,
        categorie="S",
        base_ht=Decimal("41.58"),
        montant_tva=Decimal("8.32"),
    )
    (told,) = operations.transactions(_facture(kind), [tva])
    amounts = (told.base_ht, told.montant_tva, told.montant_ttc)
    assert amounts == tuple(sign * Decimal(one) for one in ("41.58", "8.32", "49.90"))
    assert (told.nature, told.jour, told.categorie) == ("TRANSACTION", _DAY, "TPS1")


def test_R42_a_receipt_is_split_into_base_and_vat() -> None:
    """What is taken back is split like what came."""
    both = operations.receipts(_facture(), [_row("49.90"), _row("-49.90")], option_debits=False)
    assert [(one.base_ht, one.montant_tva) for one in both] == [
        (Decimal("41.58"), Decimal("8.32")),
        (Decimal("-41.58"), Decimal("-8.32")),
    ]


@pytest.mark.parametrize(
    ("nature", "option_debits", "categorie", "told"),
    [
        ("SERVICES", False, "S", 1),
        ("MIXTE", False, "S", 1),
        ("SERVICES", False, "E", 1),
        ("SERVICES", True, "S", 0),
        ("MIXTE", True, "S", 0),
        ("BIENS", False, "S", 0),
        ("SERVICES", False, "AE", 0),
    ],
)
def test_R42_receipts_are_told_where_vat_is_owed_with_them(
    nature: str, option_debits: bool, categorie: str, told: int
) -> None:
    """Neither of goods, nor with the option for débits, nor with the reverse charge."""
    facture = _facture(nature=nature)
    rows = [_row("10.00", categorie=categorie)]
    assert len(operations.receipts(facture, rows, option_debits=option_debits)) == told
