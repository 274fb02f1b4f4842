"""How fast Kerascope is, beside other tools on the same machine in the same minutes: `make bench`."""
