"""The migration that adds people's sign-ins to servers, and the calls that wait for them."""

from __future__ import annotations

IDENTITIES = """
    -- Sign-ins of people. `sealed` is encrypted with a key that is not in this file. Of those that have ended, the
    -- issuer is still to be told.
    CREATE TABLE identities (
        id      INTEGER PRIMARY KEY,
        person  TEXT NOT NULL,
        server  TEXT NOT NULL,
        issuer  TEXT NOT NULL,
        sealed  BLOB NOT NULL,
        version INTEGER NOT NULL DEFAULT 0,
        since   REAL NOT NULL,
        ended   INTEGER NOT NULL DEFAULT 0
    );
    CREATE UNIQUE INDEX identities_in_use ON identities (person, server) WHERE NOT ended;
    CREATE INDEX identities_ended ON identities (id) WHERE ended;
    -- Clients that were registered with issuers.
    CREATE TABLE oauth_clients (
        issuer   TEXT NOT NULL,
        redirect TEXT NOT NULL,
        sealed   BLOB NOT NULL,
        PRIMARY KEY (issuer, redirect)
    ) WITHOUT ROWID;
    -- Sign-ins that people were asked for: one a person and server. `code` is what has come back, encrypted.
    CREATE TABLE sign_ins (
        question TEXT PRIMARY KEY REFERENCES questions (id),
        person   TEXT NOT NULL,
        server   TEXT NOT NULL,
        state    TEXT NOT NULL UNIQUE,
        sealed   BLOB NOT NULL,
        code     BLOB NOT NULL DEFAULT x'',
        UNIQUE (person, server)
    ) WITHOUT ROWID;
    CREATE INDEX sign_ins_received ON sign_ins (question) WHERE code <> x'';
    CREATE TABLE sign_in_waits (
        call     INTEGER PRIMARY KEY REFERENCES calls (id),
        question TEXT NOT NULL REFERENCES questions (id),
        times    INTEGER NOT NULL DEFAULT 1
    );
    CREATE INDEX sign_in_waits_of ON sign_in_waits (question);
    -- The tools of servers that people sign in to, as they were listed last.
    CREATE TABLE tool_lists (
        server TEXT PRIMARY KEY,
        origin TEXT NOT NULL,
        body   TEXT NOT NULL
    ) WITHOUT ROWID;
"""
