"""What servers of SOAP have in common on their way from HTTP: the sandbox and the gateway."""
