"""Figures of an organisation, counted in tables of its own that events fill.

Owns: clients_vus, factures_vues, reconstructions. Emits nothing. Consumes: client.created,
invoice.created. The wiring is in `service.py`.
"""
