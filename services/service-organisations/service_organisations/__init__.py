"""The tenants of the CRM, their companies, white-label partners and reference lists.

Owns: organisations, societes, partenaires_marque_blanche, referentiels. Emits and consumes
nothing, depends on no other service. The wiring is in `service.py`.
"""
