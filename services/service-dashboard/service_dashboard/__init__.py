"""Figures of an organisation: counted in tables of its own that events fill, or asked of other services.

Owns: clients_vus, factures_vues, paiements_vus, reconstructions, objectifs, instantanes,
evenements_orphelins. Emits nothing. Consumes: client.created, invoice.created, payment.received. The
wiring is in `service.py`.
"""
