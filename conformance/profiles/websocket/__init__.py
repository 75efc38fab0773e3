"""What the chat profiles share: conversations over a WebSocket."""
