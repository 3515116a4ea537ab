"""A browser without scripts, for pages: it keeps cookies, follows links and fills in forms."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx


@dataclass
class FoundForm:
    """A form of a page: where it goes, how, and what it holds."""

    method: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class Page(HTMLParser):
    """What a page holds: its forms, its links, its words."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.status = answer.status_code
        self.path = answer.url.path
        self.forms: list[FoundForm] = []
        self.links: list[str] = []
        self.tags: list[str] = []
        self.words = ""
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in one element."""
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag == "form":
            self.forms.append(FoundForm(given.get("method", "get"), given["action"]))
        elif tag == "input" and self.forms:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif tag == "a":
            self.links.append(given["href"])

    def handle_data(self, data: str) -> None:
        """Take in words."""
        self.words += f" {data.strip()}" if data.strip() else ""

    def form(self, action: str) -> FoundForm:
        """The form that goes to a path that ends so."""
        return next(one for one in self.forms if one.action.endswith(action))


class Browser:
    """One person's browser: redirects are followed like links."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        http.follow_redirects = True

    async def open(self, path: str) -> Page:
        """The page at a path."""
        return Page(await self.http.get(path))

    async def submit(self, page: Page, action: str, **filled: str) -> Page:
        """Fill in the form that goes to `action` and send it."""
        found = page.form(action)
        return Page(await self.send(found.action, found.fields | filled, method=found.method))

    async def send(
        self, path: str, fields: dict[str, str], *, method: str = "post", **more: Any
    ) -> httpx.Response:
        """Send a form as it is."""
        if method.lower() == "get":
            return await self.http.get(path, params=fields, **more)
        return await self.http.post(path, data=fields, **more)
