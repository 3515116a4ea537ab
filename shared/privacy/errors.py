"""What can be wrong with a subject's key."""

from collections.abc import Iterable

from shared.errors import Gone, Permanent

SubjectRef = tuple[str, str]
"""Whose key: (tenant, subject)."""


class SubjectErased(Gone):
    """The key of somebody was destroyed: nothing may be written about them any more."""

    code, title = "erased", "Erased"

    def __init__(self, refs: Iterable[SubjectRef] = ()) -> None:
        super().__init__()
        self.refs = frozenset(refs)


class KeyMissing(Permanent):
    """There never was such a key: what is sealed under it was not written by us."""

    code, title = "key_missing", "No such key"

    def __init__(self, refs: Iterable[SubjectRef]) -> None:
        super().__init__()
        self.refs = frozenset(refs)


class Forged(Permanent):
    """A ciphertext that was not sealed under this key for this tenant, stream and event."""

    code, title = "forged", "Sealed part does not belong here"
