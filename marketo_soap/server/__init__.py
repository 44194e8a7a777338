"""What the SOAP servers of the sandbox and the gateway share."""
