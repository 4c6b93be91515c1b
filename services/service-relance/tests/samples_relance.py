"""What the conformance suite says when it makes a rule: each is for another société, where it is alone."""

FIELDS = {
    "RegleRelance": {
        "societe_id": lambda number: f"soc-{number}",
        "declencheur": "NOUVEAU_CLIENT",
        "delai_jours": 7,
        "action_type": "CREER_TACHE",
    }
}
CHANGES = {"RegleRelance": ("nom", ("Autre", "Premier", "Second"))}
VALUES = {
    "motif": "Accord",
    "facture_id": "facture-7",
    "date_from": "2026-02-01",
    "date_to": "2026-02-28",
    "date_prevue": "2026-02-20",
}
