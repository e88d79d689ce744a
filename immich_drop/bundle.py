"""Many modules, one request: `web/js` is joined when the server starts.

Over plain HTTP/1.1 and mobile data some forty small modules cost a second, and more bytes of
headers than of code. So each module becomes a function that returns its exports, placed after the
modules it imports: names in different modules cannot clash, and `import.meta.url` and
`import("./lang/…")` still work. Only the forms of import and export that `web/js` uses are
supported; with any other the server does not start.
"""

import re
from collections.abc import Callable, Iterator

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(
    r"^export (?=(?:async function\*?|function\*?|class|const) ([\w$]+))", re.MULTILINE
)
_FOREIGN = re.compile(r"^(?:import|export)\b(?!\().*$", re.MULTILINE)


class NotJoinable(ValueError):
    """A module has an import or export that is not supported here, or imports itself."""


def join(entry: str, read: Callable[[str], str]) -> str:
    """Join a module with all it imports; `read` returns the text of a module.

    Raises NotJoinable.
    """
    *needed, entry = _in_order(entry, read)
    return "".join(_wrap(name, read(name)) for name in needed) + _rewrite(entry, read(entry))[0]


def _in_order(entry: str, read: Callable[[str], str]) -> Iterator[str]:
    """Yield every module after those it imports."""
    done: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> Iterator[str]:
        if name in above:
            raise NotJoinable(f"{name} imports itself, by way of {above[-1]}")
        if name not in done:
            for _, needed in _IMPORT.findall(read(name)):
                yield from visit(needed, (*above, name))
            if name not in done:
                done.add(name)
                yield name

    return visit(entry, ())


def _wrap(name: str, text: str) -> str:
    body, exports = _rewrite(name, text)
    return (
        f"const {_variable(name)} = (() => {{\n{body}return {{ {', '.join(exports)} }};\n}})();\n"
    )


def _rewrite(name: str, text: str) -> tuple[str, list[str]]:
    """Replace the imports and exports of a module; return its body and the names it exports."""
    exports = _EXPORT.findall(text)
    body = _EXPORT.sub("", _IMPORT.sub(_to_const, text))
    if foreign := _FOREIGN.search(body):
        raise NotJoinable(f"{name}: {foreign[0]}")
    return body, exports


def _to_const(statement: re.Match[str]) -> str:
    names, module = statement[1], statement[2]
    return f"const {{{names.replace(' as ', ': ')}}} = {_variable(module)};\n"


def _variable(module: str) -> str:
    return "$" + module.removesuffix(".js").replace("-", "_")
