"""Figures of an organisation, counted in tables of its own that events fill.

Owns: clients_vus. Emits nothing. Consumes: client.created. The wiring is in `service.py`.
"""
