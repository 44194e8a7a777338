"""Tools for envelopes: check, compare, import, export, record."""
