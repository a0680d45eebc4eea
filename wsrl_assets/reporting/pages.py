"""Pages that are one HTML file and need nothing else: how they are filled in, and how they look."""

from collections.abc import Callable
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from wsrl_assets.text.highlight import printable


def page_template(package: str, name: str, **filters: Callable[..., Any]) -> jinja2.Template:
    """A template of a package. Texts of documents and models show as text, markup and all.

    Besides `filters` it has `words`, a name in words; and `style`, what all pages look like.
    """
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
    )
    environment.filters.update({"words": lambda name: name.replace("_", " "), **filters})
    style = resources.files("wsrl_assets.reporting").joinpath("page.css").read_text("utf-8")
    environment.globals["style"] = Markup(style)
    return environment.from_string(resources.files(package).joinpath(name).read_text("utf-8"))


def _shown(value: Any) -> Any:
    if value is None:
        return ""
    return printable(value) if type(value) is str else value
