"""Who is in care: organisations, people, clients, episodes, sessions. The issuer of tokens."""
