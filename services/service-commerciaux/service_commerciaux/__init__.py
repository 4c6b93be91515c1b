"""Sales people and introducers (apporteurs), barèmes with their tiers, distribution models.

Owns: apporteurs, baremes_commission, paliers_commission, modeles_distribution, and the local copies of
users that `user_sync` keeps. Consumes user.login through it, emits nothing. The wiring is in `service.py`.
"""
