"""What the conformance suite says when it makes a barème: a fixed one needs an amount."""

FIELDS = {"Bareme": {"montant_fixe": 50.0}}
