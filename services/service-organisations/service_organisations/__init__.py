"""Tenants of the CRM: organisations, their companies, white-label partners and reference lists.

Owns: organisations, societes, partenaires_marque_blanche, referentiels. Emits and consumes
nothing, calls nobody. The wiring is in `service.py`.
"""
