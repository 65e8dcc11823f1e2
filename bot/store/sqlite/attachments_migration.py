"""The migration for files in the results of calls."""

from __future__ import annotations

ATTACHMENTS = """
    -- References to the images and sounds that came with the result; the bytes are not in the database.
    ALTER TABLE calls ADD COLUMN attached TEXT NOT NULL DEFAULT '';
"""
