"""Clients of an organisation: persons and companies, addresses, partner links, statuses.

Owns: client_bases, adresses, client_entreprises, client_partenaires, statut_clients.
Emits: client.created. Consumes nothing. The wiring is in `service.py`.
"""
