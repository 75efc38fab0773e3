"""The profile `rpc-chat`: roleplay engines over WebSocket."""
