"""What the conformance suite says when it makes a contract: only drafts may change and have other lines."""

FIELDS = {"Contrat": {"statut_initial": "BROUILLON"}}
CHANGES = {"Contrat": ("titre", ("Autre", "Premier", "Second"))}
