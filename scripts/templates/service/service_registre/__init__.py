"""Fiches of an organisation.

Owns: fiches. Emits and consumes nothing. The wiring is in `service.py`.
"""
