"""What the conformance suite says when it makes an invoice: only drafts may change."""

FIELDS = {"Facture": {"client_id": "client-123", "montant": 1000.0, "brouillon": True}}
CHANGES = {"Facture": ("notes", ("Autre", "Premier", "Second"))}
