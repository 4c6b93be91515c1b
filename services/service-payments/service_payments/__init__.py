"""Schedules, mandates, direct debits and payments of an organisation.

Owns: echeancier, echeance, payment, mandat, creancier, remise, rapport_bancaire. The wiring is in
`service.py`.
"""
