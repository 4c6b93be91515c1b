"""Outgoing mail: stored first, delivered by a worker, journalled attempt by attempt.

Owns: messages, tentatives, modeles, commande_sortante. Consumes client.created and contract.signed,
emits nothing. The wiring is in `service.py`.
"""
