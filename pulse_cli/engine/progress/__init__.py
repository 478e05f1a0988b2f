"""Keeps the record of a run: ledger, checkpoint, manifest, dead letters."""
