"""Invoices and credit notes: numbers without gaps, totals, legal mentions, documents, and what is owed.

Owns: facture with its lines, VAT, règlements, documents and audit, sequence_facture, facture_settings,
mention_legale, and the local copies of users that `user_sync` keeps. Emits: invoice.created. Consumes
user.login through user_sync. The wiring is in `service.py`, documents are made in `documents/`.
"""
