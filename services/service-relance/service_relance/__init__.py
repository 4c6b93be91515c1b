"""Reminders and follow-ups: what is planned, for whom and when.

Owns: regle_relance, relance, jeu_par_defaut. Emits nothing. Consumes: client.created. The
wiring is in `service.py`.
"""
