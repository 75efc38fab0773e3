"""What the profiles share that relay one stream to one client."""
