"""What was done for clients and contracts, and the tasks of the teams.

Owns: types_activite, activites, taches. Emits and consumes nothing. The wiring is in `service.py`.
"""
