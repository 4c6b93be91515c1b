"""Two services of the tests' own at whose counters people turn up: `comptabilite` and `vente`.

Each opens an account for every organisation that is new to it; nothing but the component keeps
it from opening two.
"""
