"""Reminders to clients: which are planned, for whom and for which day.

Owns: regle_relance, relance, historique_relance, jeu_par_defaut. Emits nothing. Consumes: client.created,
invoice.created. The wiring is in `service.py`.
"""
