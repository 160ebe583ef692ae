"""Dispatch: how the rows of a step are routed over its ports."""

from __future__ import annotations

from lyftnb.model import DispatchSpec, Path, StepSpec
from lyftnb.planning.draft import Draft, Setting
from lyftnb.planning.report import Report, choose


def dispatch(draft: Draft, setting: Setting, report: Report) -> None:
    """Ports without dispatch, dispatch without ports, and modes that lack what they need."""
    for name, step in draft.spec.steps.items():
        path = ("steps", name, "dispatch")
        ports = draft.graph.ports[name]
        if step.out is not None and not ports:
            report.error(("steps", name, "out"), "no_ports", "`out` names no port")
        if step.dispatch is None:
            if len(ports) > 1:
                report.error(
                    ("steps", name, "out"),
                    "no_dispatch",
                    f"step '{name}' has {len(ports)} ports and does not say how to route rows",
                    "add `dispatch: clone`, `dispatch: round_robin` or a conditional one",
                )
            continue
        _ports(path, name, step, list(ports), report)
        if step.dispatch.mode == "conditional":
            _conditional(path, step.dispatch, list(ports), report)
        else:
            _plain(path, step.dispatch, report)


def _ports(path: Path, name: str, step: StepSpec, ports: list[str], report: Report) -> None:
    if not ports:
        report.error(path, "no_ports", f"step '{name}' has no ports to dispatch to", "add `out`")
    elif len(ports) == 1:
        report.warn(
            path,
            "one_port",
            f"step '{name}' has one port, so there is nothing to route",
            "remove `dispatch`, or name several ports under `out`",
        )


def _plain(path: Path, spec: DispatchSpec, report: Report) -> None:
    for key in ("field", "cases", "when", "default"):
        if getattr(spec, key) is not None:
            report.error(
                (*path, key),
                "not_conditional",
                f"`{key}` has no meaning in mode '{spec.mode}'",
                "set `mode: conditional`, or remove it",
            )


def _conditional(path: Path, spec: DispatchSpec, ports: list[str], report: Report) -> None:
    by_field = spec.field is not None or spec.cases is not None
    if by_field == (spec.when is not None):
        report.error(
            path,
            "bad_conditional",
            "a conditional dispatch goes either by a field or by conditions",
            "give `field` and `cases`, or a list `when`",
        )
    if by_field and (spec.field is None or not spec.cases):
        missing = "field" if spec.field is None else "cases"
        report.error(path, "bad_conditional", f"`{missing}` is missing", "give `field` and `cases`")
    targets = _targets(path, spec, report)
    for place, port in targets:
        if port not in ports:
            report.error(place, "unknown_port", f"unknown port '{port}'", choose(port, ports))
    for port in ports:
        if targets and port not in {target for _, target in targets}:
            report.warn(path, "idle_port", f"no row is ever routed to port '{port}'")
    if spec.default is None:
        report.warn(
            path,
            "no_default",
            "without a `default`, rows that match no case go to the step's rejects",
            "name the port for them with `default`",
        )


def _targets(path: Path, spec: DispatchSpec, report: Report) -> list[tuple[Path, str]]:
    """Every port that the dispatch names, with its place."""
    found: list[tuple[Path, str]] = [
        ((*path, "cases", value), port) for value, port in (spec.cases or {}).items()
    ]
    for i, entry in enumerate(spec.when or ()):
        if len(entry) != 1:
            report.error(
                (*path, "when", i),
                "bad_conditional",
                "expected one port with its condition",
                'write each as an item of its own: `- port: "condition"`',
            )
        found += [((*path, "when", i, port), port) for port in entry]
    if spec.default is not None:
        found.append(((*path, "default"), spec.default))
    return found
