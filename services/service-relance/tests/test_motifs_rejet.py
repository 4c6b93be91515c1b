"""Tasks after rejected debits (R8): what they say and what is to be done."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from service_relance.dossiers import Dossier, Rejet, variables
from service_relance.motifs_rejet import is_death, is_represented, needed
from service_relance.textes import texte
from tests.dossiers import regle
from tests.recouvrement import plain

_REJECTED = Rejet(
    code="AM04", date_rejet=date(2026, 3, 9), montant=Decimal("1049.90"), numero="FAC2026000002"
)


def dossier(*rejets: Rejet, **fields: Any) -> Dossier:
    """Dossier about *rejets*."""
    usual: dict[str, Any] = {
        "client_nom": "Anne Dupont",
        "client_telephone": "+33612345678",
        "jour": date(2026, 3, 11),
    }
    return Dossier(declencheur="REJET_PRELEVEMENT", rejets=rejets, **(usual | fields))


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ("AM04 MS03", "une nouvelle présentation est prévue"),
        ("AC01 AC04 AC06 AC13 AG01 RC01 DNOR", "nouvelles coordonnées bancaires"),
        ("MD01 MD02", "nouveau mandat à signer"),
        ("MD06 MS02", "débit contesté par le client"),
        ("SL01", "débit bloqué par un service de sa banque : à voir avec le client"),
        (
            "CNOR BE05 AG02 AM05 FF01 FF05 RR01 RR02 RR03 ED05 TM01",
            "incident de notre côté : corriger nos données, ne rien demander au client",
        ),
        ("RR04 XX99", "motif à éclaircir"),
        ("MD07", "débiteur décédé : ne pas relancer, avertir la direction"),
    ],
)
def test_R08_the_task_names_what_is_needed(codes: str, said: str) -> None:
    """By the classes of retry."""
    assert [code for code in codes.split() if said not in needed(code)] == []


def test_R08_only_two_reasons_are_presented_again() -> None:
    """Insufficient funds, and the reason that banks do not tell."""
    codes = ("AM04", "MS03", "AC04", "MD07", "RR04", "XX99", "")
    assert [code for code in codes if is_represented(code)] == ["AM04", "MS03"]
    assert [code for code in (*codes, " md07") if is_death(code)] == ["MD07", " md07"]


def test_R08_the_task_tells_who_what_when_and_why() -> None:
    """Client and phone, amount, day, the reason in French, the next presentation."""
    text = texte(regle(declencheur="REJET_PRELEVEMENT"), dossier(_REJECTED), au_client=False)
    assert text.titre == "Prélèvement rejeté\u00a0: Anne Dupont"
    assert plain(text.corps) == (
        "Client : Anne Dupont\n"
        "Téléphone : +33612345678\n"
        "\n"
        "Prélèvement de 1 049,90 € rejeté le 09/03/2026 (facture FAC2026000002)\n"
        "Motif : provision insuffisante (AM04)\n"
        "→ appeler le client ; une nouvelle présentation est prévue"
    )


def test_R08_two_rejections_have_a_paragraph_each() -> None:
    """What is not known is left out; an unknown code stands as it is (R14)."""
    raw = Rejet(code="XX99", date_rejet=None, montant=None)
    text = texte(
        regle(declencheur="REJET_PRELEVEMENT"), dossier(_REJECTED, raw, client_telephone=""), au_client=False
    )
    assert plain(text.titre) == "Prélèvements rejetés : Anne Dupont"
    first, *_, last = plain(text.corps).split("\n\n")
    assert first == "Client : Anne Dupont"
    assert last == "Prélèvement rejeté\nMotif : XX99\n→ motif à éclaircir avec la banque"


def test_R03_variables_of_a_rejection_without_invoice() -> None:
    """Its reason, its day and its amount."""
    values = variables(dossier(Rejet(code="AC04", date_rejet=date(2026, 3, 9), montant=Decimal("49.90"))))
    told = {name: plain(value) for name, value in values.items() if value}
    assert told == {
        "client_nom": "Anne Dupont",
        "montant_du": "49,90 €",
        "total_du": "49,90 €",
        "motif_rejet": "compte clôturé",
        "date_rejet": "09/03/2026",
    }
