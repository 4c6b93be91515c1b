"""What the conformance suite says when it makes schedules, payments and creditors."""

FIELDS = {
    "Schedule": {
        "client_id": "client-123",
        "frequence": "MENSUELLE",
        "date_debut": "2030-01-01",
        "montant_total": 598.80,
        "nombre_echeances": 12,
    },
    "Payment": {"client_id": "client-123", "montant": 49.90, "moyen": "VIREMENT"},
}
CHANGES = {"Schedule": ("date_fin", ("2031-01-01", "2031-02-01", "2031-03-01"))}
VALUES = {
    "ics": "FR72ZZZ123456",
    "iban": "FR1420041010050500013M02606",
    "date": "2026-02-03",
    "date_remise": "2026-02-03",
    "date_from": "2026-02-01",
    "date_to": "2026-02-28",
}
