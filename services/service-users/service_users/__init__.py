"""The directory of people: accounts, identities, passwords, memberships, invitations.

Owns utilisateurs, identites, identifiants_locaux, confirmations_email, membres, invitations, and the
inbox and journals of what was heard of them. Emits user.login. Consumes nothing. The wiring is in
`service.py`, the business rules are in `RULES.md`.
"""
