"""Rejected SEPA debits: whether, when and how often they are presented again.

Owns: policies, schedules, attempts, runs and the journal. Emits nothing, consumes payment.rejected.
The wiring is in `service.py`.
"""
