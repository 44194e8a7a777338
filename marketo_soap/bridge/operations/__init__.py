"""The operations that go over REST."""
