"""Rankings of apporteurs as pure functions (R13)."""

from fractions import Fraction

from crm.contrats.contrats_pb2 import StatistiquesCommercial
from service_dashboard.classements import Vendeur, par_ca, par_conversion, par_ventes, vendeurs


def vendeur(nom: str, ventes: int = 0, montant: int = 0, clients: int = 0) -> Vendeur:
    """An apporteur whose id is his name."""
    return Vendeur(nom, nom, ventes, Fraction(montant), clients)


def test_R13_who_has_sold_most_is_first() -> None:
    """By number, by amount, by contracts per hundred clients; ranks have no gaps."""
    of = [vendeur("Ada", 3, 100, 6), vendeur("Bob", 2, 500, 2), vendeur("Cid", 1, 50, 8)]
    rankings = [
        [(one.commercial_id, one.valeur, one.rang) for one in rank(of)]
        for rank in (par_ventes, par_ca, par_conversion)
    ]
    assert rankings == [
        [("Ada", 3, 1), ("Bob", 2, 2), ("Cid", 1, 3)],
        [("Bob", 500, 1), ("Ada", 100, 2), ("Cid", 50, 3)],
        [("Bob", 100, 1), ("Ada", 50, 2), ("Cid", 12.5, 3)],
    ]


def test_R13_of_equals_the_higher_amount_is_first_then_the_name() -> None:
    """Accents and case of names do not count."""
    of = [vendeur("fanny", 1, 10), vendeur("Élan", 1, 10), vendeur("Zoé", 1, 20), vendeur("Ada", 1, 5)]
    assert [one.nom_complet for one in par_ventes(of)] == ["Zoé", "Élan", "fanny", "Ada"]


def test_R13_contracts_of_who_has_no_clients_are_no_conversion() -> None:
    """He stands behind those who have."""
    told = [
        (one.nom_complet, one.valeur) for one in par_conversion([vendeur("Ada", 5), vendeur("Bob", 1, 1, 9)])
    ]
    assert told == [("Bob", 11.11), ("Ada", 0)]


def test_R13_ten_are_ranked_zeros_only_if_there_is_room() -> None:
    """Eleven have sold something: nobody with 0 is there."""
    sellers = [vendeur(f"v{number:02}", number) for number in range(12)]
    assert [one.valeur for one in par_ventes(sellers)] == [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]
    assert [one.valeur for one in par_ventes(sellers[:3])] == [2, 1, 0]


def test_R13_apporteurs_alone_are_ranked() -> None:
    """Contracts of nobody, and of ids that are no apporteur, count for nobody."""
    told = [
        StatistiquesCommercial(commercial_id="", nombre=9),
        StatistiquesCommercial(commercial_id="externe", nombre=8),
        StatistiquesCommercial(commercial_id="a", nombre=2, montant_total=10.1),
    ]
    assert vendeurs({"a": "Ada", "b": "Bob"}, told, {"a": 4}) == [
        Vendeur("a", "Ada", 2, Fraction("10.1"), 4),
        Vendeur("b", "Bob", 0, Fraction(0), 0),
    ]
