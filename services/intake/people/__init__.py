"""Signing in: accounts, one-time links, sessions, identity providers, clients' codes and PINs.

What is kept here is no history and no event: hashes, sealed secrets and the rows of sessions, each
under the wall of its tenant (decision 0054).
"""
