"""The migration that adds sums of costs by model, and by channel and month, and an index to list the largest ones."""

from __future__ import annotations

COST_SUMS = """
    -- Sums that follow from what is recorded. An open request counts once its end is recorded.
    INSERT INTO cost_sums (scope, key, period, cost, estimated)
        SELECT 'model', model, strftime('%Y-%m', at, 'unixepoch'), sum(cost), sum(basis <> 'reported')
        FROM costs WHERE state <> 'open' GROUP BY 2, 3;
    INSERT INTO cost_sums (scope, key, period, cost, estimated)
        SELECT 'channel', key, substr(period, 1, 7), sum(cost), sum(estimated)
        FROM cost_sums WHERE scope = 'channel' GROUP BY 2, 3;
    -- The sums of a month, the largest first. Those of turns, threads and days are not in it.
    CREATE INDEX cost_sums_largest ON cost_sums (scope, period, cost DESC, key) WHERE length(period) = 7;
"""
