"""Ways in: what is asked for and answered."""

from shared.web import ApiModel, Id, UtcTime


class LinkModel(ApiModel):
    """A one-time link for a person; `forget_second_factor` where their device is lost."""

    forget_second_factor: bool = False


class LinkView(ApiModel):
    """A one-time link: who opens it chooses a password, then is signed in."""

    url: str
    purpose: str
    expires_at: UtcTime


class CodeModel(ApiModel):
    """A one-time code for a client, or for somebody close to them; `forget_pin` lets them choose
    another PIN with it."""

    related_id: Id | None = None
    forget_pin: bool = False


class CodeView(ApiModel):
    """A one-time code and the page on which it is typed in."""

    code: str
    url: str
    expires_at: UtcTime


class SignInView(ApiModel):
    """A session that goes on; `current`: the one that asks."""

    id: str
    created_at: UtcTime
    last_seen_at: UtcTime
    user_agent: str
    current: bool


class SignInsView(ApiModel):
    """One's own sessions; there is never a next page."""

    items: list[SignInView]
    next: str | None = None
