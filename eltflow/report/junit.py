"""Results of a run → JUnit XML, for the test reports of CI services.

One suite a tested table (or file of a singular test), one case a test. What failed to be built, loaded or run as a hook is a case of its
own with an error, so that a red run is never a green report. The format has no standard; this is the part on which GitHub's report
actions, GitLab and Jenkins agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from eltflow.base.diagnostics import plain
from eltflow.events import BAD, StepResult
from eltflow.project.nodes import Node
from eltflow.report.info import RunInfo
from eltflow.report.rows import shown_rows, table_text
from eltflow.report.run_results import failures_text

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

# XML 1.0 §2.2: the characters that no document may hold, escaped or not.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(
    results: Iterable[StepResult],
    nodes: Mapping[str, Node],
    info: RunInfo,
    *,
    project: str,
    seconds: float = 0.0,
    rows: bool = True,
    warn_error: bool = False,
) -> str:
    """The document. `nodes` are those of the graph; without `rows` no failing row is shown; with `warn_error` a warning is a failure."""
    from xml.etree import ElementTree as ET

    suites: dict[str, list[tuple[StepResult, Node | None]]] = {}
    for result in results:
        node = nodes.get(result.step)
        if (node is not None and node.resource_type == "test") or result.status in BAD:
            suites.setdefault(_suite(node, nodes), []).append((result, node))
    top = ET.Element("testsuites", {"name": _clean(project)})
    started = info.started_at.strftime("%Y-%m-%dT%H:%M:%S")
    for name, members in suites.items():
        suite = ET.SubElement(top, "testsuite", {"name": _clean(name), "timestamp": started})
        for result, node in members:
            suite.append(_case(result, node, nodes, f"{project}.{name}", rows, warn_error))
        _count(suite, sum(result.seconds for result, _ in members))
    _count(top, seconds)
    ET.indent(top)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(top, encoding="unicode") + "\n"


def _suite(node: Node | None, nodes: Mapping[str, Node]) -> str:
    """What a case is filed under: the table that is tested or built, else the file."""
    if node is None:
        return "hooks"
    if node.resource_type != "test":
        return node.display
    attached = nodes.get(node.test.attached) if node.test is not None and node.test.attached is not None else None
    return attached.display if attached is not None else node.path


def _case(
    result: StepResult, node: Node | None, nodes: Mapping[str, Node], classname: str, rows: bool, warn_error: bool
) -> Element:
    from xml.etree import ElementTree as ET

    name = result.step.rsplit(".", 1)[-1] if node is None else node.name
    if node is not None and node.resource_type != "test":
        name = f"build {name}"
    attributes = {"name": _clean(name), "classname": _clean(classname), "time": f"{result.seconds:.3f}"}
    if node is not None:
        attributes["file"] = _clean(node.path)
    case = ET.Element("testcase", attributes)
    if result.status in ("error", "cancelled"):
        _add(case, "error", _headline(result), result.status, _details(result))
    elif result.status == "skipped":
        blocker = nodes.get(result.because) if result.because is not None else None
        cause = blocker.display if blocker is not None else result.because
        _add(case, "skipped", f"skipped because of {cause}" if cause else result.message or "skipped")
    elif result.status == "fail" or (result.status == "warn" and warn_error):
        _add(case, "failure", _headline(result), result.status, _sample(result, nodes, rows))
    elif result.status == "warn":
        text = "\n".join(part for part in (f"warning: {_headline(result)}", _sample(result, nodes, rows)) if part)
        ET.SubElement(case, "system-out").text = _clean(text)
    return case


def _add(case: Element, tag: str, message: str, type_: str | None = None, body: str = "") -> None:
    from xml.etree import ElementTree as ET

    child = ET.SubElement(case, tag, {"message": _clean(message), **({"type": type_} if type_ else {})})
    if body:
        child.text = _clean(body)


def _headline(result: StepResult) -> str:
    if result.status == "cancelled":
        return result.message or "cancelled"
    if result.status == "error":
        return result.message or "error"
    return result.message or failures_text(result.failures)


def _details(result: StepResult) -> str:
    return "\n".join(plain(d) for d in result.diagnostics) or result.message or ""


def _sample(result: StepResult, nodes: Mapping[str, Node], rows: bool) -> str:
    if not rows or not result.sample:
        return ""
    columns, shown = shown_rows(result)
    left = (result.failures or 0) - len(shown)
    more = f"\n… {left:,} more" if left > 0 else ""
    return table_text(columns, shown) + more


def _count(element: Element, seconds: float) -> None:
    cases = list(element.iter("testcase"))
    for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(key, str(sum(1 for case in cases if case.find(tag) is not None)))
    element.set("tests", str(len(cases)))
    element.set("time", f"{seconds:.3f}")


def _clean(text: str) -> str:
    """The text with what XML cannot hold replaced by U+FFFD."""
    return _NO_XML.sub("\ufffd", text)
