"""HTTP/1.1 (RFC 9112): requests are parsed strictly, responses are framed as a script says."""
