"""One call: its steps, retries, limits and deadlines, and one HTTP attempt."""
