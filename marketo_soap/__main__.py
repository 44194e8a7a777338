"""`python -m marketo_soap`: the same as `marketo-soap`."""

from marketo_soap.cli import main

main()
