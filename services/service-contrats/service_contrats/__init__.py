"""Contracts sold to clients: drafts, signature, activation, suspension, termination, expiry.

Owns: contrats, lignes_contrat, historique_statut_contrat, contract_orchestration_history.
Emits: contract.signed. Consumes nothing. The wiring is in `service.py`.
"""
