"""HTTP/2 (RFC 9113): frames, streams and flow control, with every fault that a script asks for."""
