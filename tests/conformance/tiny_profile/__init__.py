"""A third-party profile: daemons that echo lines. The least that a profile package needs."""
