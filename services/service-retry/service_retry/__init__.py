"""Politiques of an organisation.

Owns: politiques. Emits and consumes nothing. The wiring is in `service.py`.
"""
