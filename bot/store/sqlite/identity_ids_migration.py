"""The migration after which no id of a sign-in is used again, so that what is late about one concerns no other."""

from __future__ import annotations

IDENTITY_IDS = """
    ALTER TABLE identities RENAME TO identities_before;
    DROP INDEX identities_in_use;
    DROP INDEX identities_ended;
    CREATE TABLE identities (
        id      INTEGER PRIMARY KEY AUTOINCREMENT,
        person  TEXT NOT NULL,
        server  TEXT NOT NULL,
        issuer  TEXT NOT NULL,
        sealed  BLOB NOT NULL,
        version INTEGER NOT NULL DEFAULT 0,
        since   REAL NOT NULL,
        ended   INTEGER NOT NULL DEFAULT 0
    );
    INSERT INTO identities (id, person, server, issuer, sealed, version, since, ended)
        SELECT id, person, server, issuer, sealed, version, since, ended FROM identities_before;
    DROP TABLE identities_before;
    CREATE UNIQUE INDEX identities_in_use ON identities (person, server) WHERE NOT ended;
    CREATE INDEX identities_ended ON identities (id) WHERE ended;
"""
