"""Precision routing: what kind of task a request is, and the cheapest precision that still does it.

Task types, priors, rules and examples are data (`data/*.toml`, each row with its source); files of your own add to them
or replace single values. Nothing here calls a backend.
"""
