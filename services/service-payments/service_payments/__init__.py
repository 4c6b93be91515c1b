"""Remises of an organisation.

Owns: remises. Emits and consumes nothing. The wiring is in `service.py`.
"""
