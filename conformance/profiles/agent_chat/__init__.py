"""The profile `agent-chat`: support chats over WebSocket."""
