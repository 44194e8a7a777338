"""Marketo's REST API, as far as a lead that was sent by SOAP needs it: tokens, leads, fields, partitions."""
