"""The kit for our tests and for those of users' own actions and connectors.

`invariants` checks what must hold of any ledger, `strategies` makes random workflow documents for
Hypothesis. It may know every floor below the faces; nothing but tests imports it.
"""
