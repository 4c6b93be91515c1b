"""Sign-in by password or Google, our own tokens, and the guard against guessing.

Owns: cles_signature, tentatives_connexion, verrous, demandes_oauth, jetons_revoques,
revocations_globales, revocations_organisation, bienvenues_a_envoyer. Accounts and hashes are in
users. Emits and consumes nothing; revocations go out through the outbox. The wiring is in
`service.py`, the rules are in RULES.md.
"""
