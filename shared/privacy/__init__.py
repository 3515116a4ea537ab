"""Whatever identifies a person or is clinical rests and travels under that person's key."""

from shared.privacy.cipher import IdentifierHasher, SubjectCipher
from shared.privacy.errors import Forged, KeyMissing, SubjectErased, SubjectRef
from shared.privacy.keyring import Keyring, open_keyring
from shared.privacy.sealing import (
    leave_sealed,
    open_all,
    open_envelope,
    open_wire,
    seal,
    sealed_for,
)
from shared.privacy.table import migrate_keys
from shared.privacy.wrapping import KeyWrapper, LocalKeyWrapper, local_wrapper

__all__ = [
    "Forged",
    "IdentifierHasher",
    "KeyMissing",
    "KeyWrapper",
    "Keyring",
    "LocalKeyWrapper",
    "SubjectCipher",
    "SubjectErased",
    "SubjectRef",
    "leave_sealed",
    "local_wrapper",
    "migrate_keys",
    "open_all",
    "open_envelope",
    "open_keyring",
    "open_wire",
    "seal",
    "sealed_for",
]
