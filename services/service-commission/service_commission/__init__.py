"""Commissions of apporteurs on money that was received, what is taken back of them, and their bordereaux.

Owns: commissions, reprises, bordereaux, acomptes, carry-overs. Consumes payment.received, emits nothing.
The wiring is in `service.py`.
"""
