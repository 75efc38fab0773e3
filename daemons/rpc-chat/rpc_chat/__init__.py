"""A roleplay engine over WebSocket: worlds, characters, sessions, rules and streamed answers."""
