"""The clients: `Client` for threads, `AsyncClient` for tasks."""
