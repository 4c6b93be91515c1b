"""The directory of people: accounts, identities, passwords, memberships, invitations.

Owns: utilisateurs, identites, identifiants_locaux, membres, invitations and what was heard of
them. Emits: user.login. Consumes nothing. The wiring is in `service.py`.
"""
