"""The expected response of an organisation's clients: its sample, its fits, their publication."""
