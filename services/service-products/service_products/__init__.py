"""Catalogue of an organisation: ranges (gammes), products, promotions, price grids, and prices.

Owns: gammes, produits, grilles_tarifaires, prix_produits, historique_prix. Emits and consumes
nothing, calls nobody. The only place where a price is worked out. The wiring is in `service.py`.
"""
