"""Where the sandbox keeps its state: SQLite, one module a table."""
