"""The migration for tasks of servers, and for results that are longer than what the model reads at once."""

RESULTS = """
    -- The task that the server of a started call works on: another process goes on asking about it.
    ALTER TABLE calls ADD COLUMN task TEXT NOT NULL DEFAULT '';
    -- Where the whole result of a call is kept whose result was cut for the model.
    ALTER TABLE calls ADD COLUMN rest TEXT NOT NULL DEFAULT '';
    CREATE INDEX calls_cut ON calls (thread_id) WHERE rest <> '';
"""
