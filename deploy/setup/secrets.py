"""Random secrets of a new installation.

python -m deploy.setup.secrets FOLDER    # FOLDER/compose.env, FOLDER/signing/signing-keys.json
"""

import base64
import json
import os
import secrets
import sys
from pathlib import Path

from joserfc.jwk import ECKey, KeySet

from deploy.setup.databases import ROLES, password_variable


def new_password() -> str:
    """A password that needs no quoting anywhere."""
    return secrets.token_hex(24)


def new_key_encryption_key() -> str:
    """Base64 of the 32 bytes that wrap every subject's key."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def new_signing_keys() -> dict[str, object]:
    """A private JWK set with one ES256 key."""
    key = ECKey.generate_key(
        "P-256", parameters={"kid": secrets.token_hex(8), "use": "sig", "alg": "ES256"}
    )
    return dict(KeySet([key]).as_dict(private=True))


def write_private(file: Path, text: str) -> None:
    """Write what only its owner may read; a reader sees the old file or the new one."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as output:
        output.write(text)
    draft.replace(file)


# The user of the image: what root writes for it must be readable to it.
IMAGE_USER = 10001


def write_compose_secrets(folder: Path) -> None:
    """What `docker-compose.yml` reads; refuses to replace secrets that may be in use."""
    file = folder / "compose.env"
    if file.exists():
        sys.exit(f"{file} is there already")
    values = {password_variable(role): new_password() for role in ROLES}
    values["HEROIC_POSTGRES_PASSWORD"] = new_password()
    values["HEROIC_KEY_ENCRYPTION_KEY"] = new_key_encryption_key()
    signing_keys = folder / "signing" / "signing-keys.json"
    write_private(signing_keys, json.dumps(new_signing_keys()))
    user = os.getuid() or IMAGE_USER
    for path in (signing_keys.parent, signing_keys):
        os.chown(path, user, -1)
    values["HEROIC_UID"] = str(user)
    write_private(file, "".join(f"{name}={value}\n" for name, value in values.items()))


if __name__ == "__main__":
    write_compose_secrets(Path(sys.argv[1]))
