"""Completion of magics: commands, options and names behind `%lyft`, keys of a `%%workflow` cell.

The command line is a face of its own: its tree is asked of it, once, as data. Names are those of
the workspace whose manager is up; none is started to complete a word.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from lyftnb.errors import LyftError
from lyftnb.widgets.yaml_keys import keys_at
from lyftnb.workspace.folders import root_of
from lyftnb.workspace.studio.home import Home
from lyftnb.workspace.workflow import Workflow

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from lyftnb.workspace.entering import AnyWorkspace

Outline = Mapping[str, Any]
"""A command as `lyftnb.cli.outline` tells it."""

_IDENTIFIER = "lyftnb"
_FRESH_S = 5.0
_WORD = re.compile(r"\S*$")
_FILES = ("*.workflow.yaml", "workflows/**/*.workflow.yaml", "*.runbook.yaml")
_MEANT = {
    **dict.fromkeys(("workflow", "ref"), "ref"),
    **dict.fromkeys(("file", "files"), "file"),
    **dict.fromkeys(("layer", "left", "right", "of", "--context", "--parent"), "context"),
    **dict.fromkeys(("step", "--step", "--stage"), "step"),
    "--name": "deployment",
    **{name: name for name in ("deployment", "job", "namespace")},
}
"""Argument or option → what it names, wherever it stands."""
_NAMED = ("context", "queue", "runbook", "secret", "spool")
"""Groups of commands whose argument `name` names one of them."""


def install(shell: InteractiveShell) -> None:
    """Have a shell complete our magics; again, if it does already."""

    @context_matcher(identifier=_IDENTIFIER)
    def match(context: CompletionContext) -> SimpleMatcherResult:
        word = _WORD.search(context.text_until_cursor)
        assert word is not None  # it may be empty
        found = _at(context, shell.user_ns)
        fitting = [SimpleCompletion(text) for text in found if text.startswith(word[0])]
        # Where there is something of ours, Python is not asked.
        return {"completions": fitting, "matched_fragment": word[0], "suppress": bool(fitting)}

    others = [m for m in shell.Completer.custom_matchers if not _is_ours(m)]
    shell.Completer.custom_matchers = [*others, match]


def _is_ours(matcher: Any) -> bool:
    return getattr(matcher, "matcher_identifier", None) == _IDENTIFIER


def _at(context: CompletionContext, variables: Mapping[str, Any]) -> Iterable[str]:
    """What may stand at the cursor, if it is in one of our magics."""
    magic = context.full_text.lstrip().partition("\n")[0]
    line = context.text_until_cursor.lstrip()
    if magic.startswith("%%workflow") and context.cursor_line > 0:
        lines = context.full_text.split("\n")
        return keys_at(lines, context.cursor_line, context.text_until_cursor)
    if line.startswith("%lyft "):
        return in_command(line.removeprefix("%lyft "))
    if line.startswith("%%step "):
        return in_step(line.removeprefix("%%step "), variables)
    return ()


# -- %%step


def in_step(line: str, variables: Mapping[str, Any]) -> Iterable[str]:
    """Words that may stand at the end of a line behind `%%step`."""
    *words, last = _words(line)
    before = words[-1] if words else ""
    drafts = {name: value for name, value in variables.items() if isinstance(value, Workflow)}
    into = words[words.index("--into") + 1] if "--into" in words[:-1] else "wf"
    draft = drafts.get(into)
    if before == "--into":
        return (name for name in drafts if not name.startswith("_"))
    if before == "--frame":
        return _FRAMES
    if last.startswith("-"):
        return _STEP_OPTIONS
    if draft is None:
        return ()
    if before in ("--in", "--out"):
        return _channels(draft.to_dict())
    return draft.steps if not words else ()


_STEP_OPTIONS = ("--into", "--in", "--out", "--group", "--frame", "--whole")
_FRAMES = ("batch", "run", "partition", "all")


def _channels(document: Mapping[str, Any]) -> Iterator[str]:
    """The channels that a draft declares, and those that its steps write."""
    yield from document.get("channels", {})
    for step in document.get("steps", {}).values():
        out = step.get("out", ())
        yield from [out] if isinstance(out, str) else out.values() if isinstance(out, dict) else ()


# -- %lyft


def in_command(line: str) -> Iterator[str]:
    """Words that may stand at the end of a command line, behind `%lyft`."""
    words = _words(line)
    last = words.pop()
    command, path, before = _descend(commands(), words)
    if last.startswith("-"):
        yield from (*command["options"], "--help")
    elif before and command["options"].get(before[-1]):
        yield from _names(_MEANT.get(before[-1], ""), before)
    elif command["commands"]:
        yield from command["commands"]
    else:
        given = _positional(command, before)
        if len(given) < len(command["arguments"]) or command["many"]:
            name = command["arguments"][min(len(given), len(command["arguments"]) - 1)]
            yield from _names(_kind(path, name), given)


def _words(line: str) -> list[str]:
    """The words of a line; the last is the one at the cursor, which may be empty."""
    try:
        words = shlex.split(line)
    except ValueError:  # a quote is open
        return [""]
    return words if words and not line[-1].isspace() else [*words, ""]


def _descend(command: Outline, words: list[str]) -> tuple[Outline, list[str], list[str]]:
    """The command that words lead to, the names of its groups and itself, and the words left."""
    path: list[str] = []
    while words and words[0] in command["commands"]:
        path.append(words[0])
        command, words = command["commands"][words[0]], words[1:]
    return command, path, words


def _positional(command: Outline, words: list[str]) -> list[str]:
    """The words that are arguments: neither options nor their values."""
    found: list[str] = []
    values = False
    for word in words:
        if not values and not word.startswith("-"):
            found.append(word)
        values = bool(command["options"].get(word))
    return found


def _kind(path: list[str], argument: str) -> str:
    """What an argument of a command names."""
    if argument == "name" and path[0] in _NAMED:
        return path[0]
    return _MEANT.get(argument, "")


@cache
def commands() -> Outline:
    """The tree of commands."""
    done = subprocess.run(
        [sys.executable, "-m", "lyftnb.cli.outline"], capture_output=True, text=True, check=True
    )
    found: Outline = json.loads(done.stdout)
    return found


# -- names


def _names(kind: str, given: list[str]) -> tuple[str, ...]:
    if not kind:
        return ()
    root = root_of(".")
    files = tuple(
        str(path.relative_to(root)) for pattern in _FILES for path in sorted(root.glob(pattern))
    )
    if kind == "file":
        return files
    known = _known(root, kind, given[-1] if kind == "step" and given else "")
    return (*known, *files) if kind == "ref" else known


_remembered: dict[tuple[Path, str, str], tuple[float, tuple[str, ...]]] = {}


def _known(root: Path, kind: str, of: str) -> tuple[str, ...]:
    """Names of a kind, at most a few seconds old; none where nobody answers for the workspace."""
    now = time.monotonic()
    at, found = _remembered.get((root, kind, of), (-_FRESH_S, ()))
    if now - at >= _FRESH_S:
        home = Home(root)
        try:
            found = tuple(_ASKED[kind](home.onlooker(), of)) if home.up else ()
        except LyftError:
            found = ()
        finally:
            home.close()
        _remembered[root, kind, of] = now, found
    return found


def _refs(workspace: AnyWorkspace, _of: str) -> Iterator[str]:
    versions = workspace.versions()
    yield from dict.fromkeys(version.workflow for version in versions)
    yield from (version.ref for version in versions)


def _deployments(workspace: AnyWorkspace, _of: str) -> Iterator[str]:
    return (deployment.name for deployment in workspace.deployments)


def _steps(workspace: AnyWorkspace, of: str) -> Iterator[str]:
    """Steps of one deployment; of all without one."""
    for deployment in workspace.deployments:
        if of in ("", deployment.name):
            yield from workspace.version(deployment.ref).document["steps"]


def _jobs(workspace: AnyWorkspace, _of: str) -> Iterator[str]:
    for deployment in workspace.deployments:
        steps = workspace.version(deployment.ref).document["steps"]
        yield from (f"{deployment.name}/{step}" for step in steps)


_ASKED: Mapping[str, Callable[[AnyWorkspace, str], Iterable[str]]] = {
    "ref": _refs,
    "deployment": _deployments,
    "step": _steps,
    "job": _jobs,
    "context": lambda workspace, _: (context.layer for context in workspace.contexts.list()),
    "namespace": lambda workspace, _: workspace.kv_namespaces(),
    "queue": lambda workspace, _: (queue.name for queue in workspace.queues()),
    "runbook": lambda workspace, _: (version.runbook for version in workspace.runbooks.newest()),
    "secret": lambda workspace, _: (secret.name for secret in workspace.secrets.list()),
    "spool": lambda workspace, _: (info.spool for info in workspace.spools()),
}
