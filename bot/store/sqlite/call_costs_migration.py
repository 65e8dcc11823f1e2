"""The migration that records which request to the model has asked for a call."""

from __future__ import annotations

CALL_COSTS = """
    -- `costs.request` of the reply that the call is in; empty if that was not recorded.
    ALTER TABLE calls ADD COLUMN request TEXT NOT NULL DEFAULT '';
"""
