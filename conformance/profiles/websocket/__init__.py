"""What the chat profiles share: conversations over a WebSocket, and the model behind them."""
