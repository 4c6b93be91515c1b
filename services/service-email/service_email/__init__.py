"""Outgoing mail: stored first, delivered by a worker, journalled attempt by attempt.

Owns: messages, tentatives, modeles, commande_sortante. Consumes client.created,
contract.signed and invoice.created, emits nothing. The wiring is in `service.py`.
"""
