"""What the conformance suite asks for and makes; a partner that is none yet may be deleted (R12)."""

VALUES = {"famille": "CONDITION_PAIEMENT"}
FIELDS = {"Partenaire": {"statut": "PROSPECT"}}
