"""A website whose spaces are served by remote inference apps over Socket.IO."""
