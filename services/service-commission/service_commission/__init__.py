"""Bordereaux of an organisation.

Owns: bordereaux. Emits and consumes nothing. The wiring is in `service.py`.
"""
