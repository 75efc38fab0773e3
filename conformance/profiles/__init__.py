"""Profiles: one package for each protocol that a daemon speaks to its clients."""
