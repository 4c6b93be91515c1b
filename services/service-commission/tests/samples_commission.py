"""What the conformance suite says of commissions; acomptes are made where commissions wait."""

MADE_ELSEWHERE = {"Acompte": "commissions"}
VALUES = {"periode": "2026-02", "periode_debut": "2026-01", "periode_fin": "2026-02"}
