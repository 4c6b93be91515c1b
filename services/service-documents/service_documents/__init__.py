"""Files attached to anything in the CRM, and one archive for each signed contract.

Owns: pieces_jointes, usage_organisation, archives_a_faire. Consumes contract.signed, emits nothing.
The wiring is in `service.py`.
"""
