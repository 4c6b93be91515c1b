"""Reasons of rejected debits: classes and words."""

import pytest
from service_kit import rejets


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("AM04", rejets.RETRY, "provision insuffisante"),
        (" am04\n", rejets.RETRY, "provision insuffisante"),
        ("MS03", rejets.RETRY, "motif non communiqué par la banque"),
        ("AC04", rejets.COORDONNEES, "compte clôturé"),
        ("MD01", rejets.MANDAT, "absence de mandat"),
        ("MD06", rejets.LITIGE, "demande de remboursement du débiteur"),
        ("MD07", rejets.FIN, "débiteur décédé"),
        ("CNOR", rejets.TECHNIQUE, "banque du créancier non enregistrée"),
        ("INCONNU", None, ""),
        ("914", None, ""),
        ("", None, ""),
    ],
)
def test_a_code_has_a_class_and_words(code: str, kind: str | None, words: str) -> None:
    """Whatever its case; codes of a bank's own have neither."""
    assert (rejets.class_of(code), rejets.in_words(code)) == (kind, words)


def test_what_is_ours_to_cure_is_never_asked_of_the_client() -> None:
    """An unregistered creditor bank and an unknown creditor identifier are our own faults."""
    assert {rejets.class_of(code) for code in ("CNOR", "BE05")} == {rejets.TECHNIQUE}
