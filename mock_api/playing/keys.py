"""The API keys that requests may carry, each under a name."""

from __future__ import annotations


class Keys:
    """The registered keys. The journal shows their names, never the keys."""

    def __init__(self) -> None:
        self._names: dict[bytes, str] = {}
        self._awaited = ""

    def register(self, name: str, key: str) -> None:
        """Authorize requests with this key, and journal them under the name."""
        self.remove(name)
        self._names[b"Bearer " + key.encode()] = name

    def register_next(self, name: str) -> None:
        """Register the key of the next request that carries an unknown one."""
        self.remove(name)
        self._awaited = name

    def remove(self, name: str) -> bool:
        """Whether a key of that name was registered."""
        kept = {key: known for key, known in self._names.items() if known != name}
        removed = len(kept) < len(self._names)
        self._names = kept
        return removed

    def name(self, authorization: bytes | None) -> str | None:
        """The name of the key in an Authorization value; None: not registered, or absent."""
        if authorization is None:
            return None
        unknown = authorization not in self._names and authorization.startswith(b"Bearer ")
        if self._awaited and unknown:
            self._names[authorization] = self._awaited
            self._awaited = ""
        return self._names.get(authorization)
