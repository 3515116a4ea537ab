"""Who is in care: organisations, people, clients, episodes, sessions. Write side and token issuer."""
