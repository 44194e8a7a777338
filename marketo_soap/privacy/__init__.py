"""Keep secrets and personal data out of what is shown."""
