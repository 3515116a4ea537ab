"""Intake's pages: signing in, invitations, clients' sign-in, and the page about oneself."""
