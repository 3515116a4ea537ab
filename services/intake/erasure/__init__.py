"""Erasure: asked for, approved by a second person, executed after a time to think, confirmed."""
