"""Search for leads by any part of their keys, cookies and values, with an index of SQLite's FTS5.

To index each lead as it is written would make a write several times slower. Triggers note which leads changed;
those beyond `_NOTED` are indexed `BATCH` at a time, and a search reads those that are still noted one by one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from marketo_soap.sandbox.store.table import read_id

__all__ = ["BATCH", "SCANNED", "find", "index_changes", "install", "paused"]

SCANNED = 1000
"""How many of the newest leads are read for a text that is shorter than what the index keeps."""

_NOTED = 256
BATCH = 64
"""How many leads are indexed at a time."""
_SHORTEST = 3  # the index keeps sequences of three characters
_INDEXED = 32_768  # characters of a lead: whoever sends megabytes does not make every write slow

_TABLES = (
    f"""CREATE VIEW lead_text (id, text) AS SELECT id, substr(
        coalesce(email_key, '') || char(10) || coalesce(foreign_id, '') || char(10) || coalesce((
            SELECT group_concat(value, char(10))
            FROM (SELECT value FROM cookie WHERE lead_id = lead.id ORDER BY value LIMIT {SCANNED})
        ), '') || char(10) || coalesce((SELECT group_concat(value, char(10)) FROM json_each(attributes)), ''),
        1, {_INDEXED}) FROM lead""",
    # The text is what the index holds of the lead, which it must be given to forget it; NULL: nothing.
    "CREATE TABLE lead_changed (id INTEGER PRIMARY KEY, text TEXT)",
)
_INDEX = "CREATE VIRTUAL TABLE lead_search USING fts5 (text, content = '', tokenize = 'trigram')"


def _note(lead_id: str) -> str:
    return (
        f"INSERT INTO lead_changed (id, text) SELECT id, text FROM lead_text WHERE id = {lead_id}"
        f" AND NOT EXISTS (SELECT 1 FROM lead_changed AS noted WHERE noted.id = {lead_id});"
    )


_TRIGGERS = {
    "lead_added": "AFTER INSERT ON lead BEGIN INSERT INTO lead_changed (id)"
    " SELECT new.id WHERE NOT EXISTS (SELECT 1 FROM lead_changed AS noted WHERE noted.id = new.id);",
    "lead_updated": f"BEFORE UPDATE OF email_key, foreign_id, attributes ON lead BEGIN {_note('old.id')}",
    "lead_deleted": f"BEFORE DELETE ON lead BEGIN {_note('old.id')}",
    "cookie_added": f"BEFORE INSERT ON cookie BEGIN {_note('new.lead_id')}",
    "cookie_moved": f"BEFORE UPDATE ON cookie BEGIN {_note('old.lead_id')} {_note('new.lead_id')}",
    "cookie_deleted": f"BEFORE DELETE ON cookie BEGIN {_note('old.lead_id')}",
}


def install(connection: sqlite3.Connection) -> None:
    """Add the index to a database of leads, and index those that are in it.

    SQLite before 3.34 has no such index: a search then reads the newest leads only.
    """
    for statement in _TABLES:
        connection.execute(statement)
    try:
        connection.execute(_INDEX)
    except sqlite3.OperationalError as error:
        if not str(error).startswith("no such "):  # module fts5, or tokenizer trigram
            raise
        return
    connection.execute("INSERT INTO lead_search (rowid, text) SELECT id, text FROM lead_text")
    _add_triggers(connection)


def _add_triggers(connection: sqlite3.Connection) -> None:
    for name, body in _TRIGGERS.items():
        connection.execute(f"CREATE TRIGGER {name} {body} END")


@contextmanager
def paused(connection: sqlite3.Connection) -> Iterator[None]:
    """Note no change while the block deletes all leads, and empty the index after it."""
    indexed = _is_indexed(connection)
    for name in _TRIGGERS if indexed else ():
        connection.execute(f"DROP TRIGGER {name}")
    yield
    if indexed:
        connection.execute("INSERT INTO lead_search (lead_search) VALUES ('delete-all')")
        connection.execute("DELETE FROM lead_changed")
        _add_triggers(connection)


def _is_indexed(connection: sqlite3.Connection) -> bool:
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'lead_search'").fetchone() is not None


def index_changes(connection: sqlite3.Connection) -> None:
    """Index leads that changed, if they are many enough to be worth it."""
    (count,) = connection.execute("SELECT count(*) FROM lead_changed").fetchone()
    if count < _NOTED + BATCH:
        return
    (last,) = connection.execute(
        "SELECT id FROM lead_changed ORDER BY id LIMIT 1 OFFSET ?", (count - _NOTED - 1,)
    ).fetchone()
    connection.execute(
        "INSERT INTO lead_search (lead_search, rowid, text)"
        " SELECT 'delete', id, text FROM lead_changed WHERE id <= ? AND text IS NOT NULL",
        (last,),
    )
    connection.execute(
        "INSERT INTO lead_search (rowid, text)"
        " SELECT lead_text.id, lead_text.text FROM lead_changed JOIN lead_text USING (id) WHERE lead_changed.id <= ?",
        (last,),
    )
    connection.execute("DELETE FROM lead_changed WHERE id <= ?", (last,))


def find(connection: sqlite3.Connection, text: str, limit: int) -> list[int]:
    """Return the ids of the newest *limit* leads that hold *text*, whatever its case, or have it as their id.

    Of a lead with very much in it, only the first `_INDEXED` characters are searched.
    """
    text = text.lower()
    if len(text) >= _SHORTEST and _is_indexed(connection):
        indexed = connection.execute(
            "SELECT rowid FROM lead_search WHERE lead_search MATCH ?"
            " AND rowid NOT IN (SELECT id FROM lead_changed) ORDER BY rowid DESC LIMIT ?",
            ('"' + text.replace('"', '""') + '"', limit),
        )
        found = {lead_id for (lead_id,) in indexed}
        others = connection.execute("SELECT lead_text.id, lead_text.text FROM lead_changed JOIN lead_text USING (id)")
    else:
        found = set[int]()
        newest = f"SELECT id FROM lead ORDER BY id DESC LIMIT {SCANNED}"
        others = connection.execute(f"SELECT id, text FROM lead_text WHERE id IN ({newest})")
    found |= {lead_id for lead_id, held in others if text in held.lower()}
    found |= {lead_id for (lead_id,) in connection.execute("SELECT id FROM lead WHERE id = ?", (read_id(text),))}
    return sorted(found, reverse=True)[:limit]
