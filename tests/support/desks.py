"""Desks with tickets on a loopback port: ServiceNow's Table API and the REST API of Jira Cloud, as their references say.

What a request holds is checked as the real ones do, and more strictly: a field of another type, an empty run of
text, a line break in a summary is refused. ``broken`` are what the next answers do instead of arriving.
"""

import base64
import http.server
import json
import re
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.real.authority import Authority

USER, PASSWORD, TOKEN = "svc.review", "correct-horse", "tok-9876543210"
Answer = tuple[int, Any]


class DeskServer:
    """One of the two, by ``kind``; ``tickets`` is what it holds, ``asked`` what it was asked."""

    def __init__(self, folder: Path, authority: Authority, answer: Callable[["DeskServer", str, str, Any], Answer]):
        self.folder, self.authority, self._answer = folder, authority, answer
        self.tickets: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str]] = []
        self.broken: list[Callable[[int, Any], Answer | None]] = []
        self.hidden = 0
        """How many searches do not show what was opened yet."""
        self.ignores_queries = False

    def __enter__(self) -> Self:
        certificate, key = self.authority.issue(self.folder, "localhost")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = _Quiet(("127.0.0.1", 0), _handler(self))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"https://localhost:{self._server.server_address[1]}"

    def made(self) -> list[str]:
        """Return the writes that it was asked for."""
        return [f"{method} {path}" for method, path in self.asked if method != "GET"]

    def answer(self, method: str, target: str, body: Any, authorization: str) -> Answer | None:
        """Answer one request; null ends the connection with none."""
        self.asked.append((method, urlsplit(target).path))
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if authorization not in (f"Basic {basic}", f"Bearer {TOKEN}"):
            return 401, {
                "error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"}
            }
        if self.broken and (method != "GET" or getattr(self.broken[0], "of_reads", False)):
            fault = self.broken.pop(0)
            if getattr(fault, "before", False):
                return fault(0, None)
            return fault(*self._answer(self, method, target, body))
        return self._answer(self, method, target, body)


def lost(status: int, body: Any) -> Answer | None:
    """Carry it out, and let the answer be lost."""
    del status, body
    return None


def taken(status: int, body: Any) -> Answer | None:
    """Carry it out, and say so."""
    return status, body


def sleeping(status: int, body: Any) -> Answer | None:
    """Carry nothing out, and answer with a page, as an instance does that sleeps."""
    del status, body
    return 200, "<html>Your instance is hibernating</html>"


def busy(status: int, body: Any) -> Answer | None:
    """Carry nothing out: too many requests."""
    del status, body
    return 429, {"error": {"message": "Rate limit exceeded", "detail": ""}}


def refused(status: int, body: Any) -> Answer | None:
    """Carry nothing out: what is asked for cannot be."""
    del status, body
    return 400, {"error": {"message": "Data Policy Exception", "detail": "short_description"}}


sleeping.before = busy.before = refused.before = True  # type: ignore[attr-defined]


class _Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None: ...


def _handler(desk: DeskServer) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(raw) if raw else None
            answer = desk.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
            if answer is None:
                self.close_connection = True
                return
            status, said = answer
            sent = said.encode() if isinstance(said, str) else b"" if said is None else json.dumps(said).encode()
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Type", "text/html" if isinstance(said, str) else "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_POST = do_PATCH = _any  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    return Handler


_COLUMNS = {
    "short_description": 160, "description": 4000, "due_date": 40, "correlation_id": 100, "correlation_display": 100,
    "assignment_group": 32, "category": 40, "state": 40, "close_code": 40, "close_notes": 4000, "work_notes": 4000,
    "urgency": 40,
}  # fmt: skip


def servicenow(desk: DeskServer, method: str, target: str, body: Any) -> Answer:
    """Answer as the Table API does: every value is text, an unknown column of a query is left out of it."""
    split = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(split.query).items()}
    found = re.fullmatch(r"/api/now/table/(incident|u_odd)(?:/([0-9a-f]{32}))?", split.path)
    if not found:
        return 400, {"error": {"message": "Invalid table", "detail": None}, "status": "failure"}
    shown = query.get("sysparm_fields", "").split(",")
    if body is not None:
        wrong = [name for name, value in body.items() if not isinstance(value, str) or name not in _COLUMNS]
        wrong += [name for name, value in body.items() if name not in wrong and len(value) > _COLUMNS[name]]
        if wrong:
            return 400, {"error": {"message": "Invalid field", "detail": ", ".join(wrong)}, "status": "failure"}
    if method == "POST":
        number = len(desk.tickets) + 1
        record = {"number": f"INC{number:07}", "sys_id": f"{number:032x}", "state": "1", "active": "true", **body}
        desk.tickets.append(record)
        return 201, {"result": {name: record.get(name, "") for name in shown}}
    if found[2]:
        record = next((one for one in desk.tickets if one["sys_id"] == found[2]), {})
        if not record:
            return 404, {"error": {"message": "No Record found", "detail": "Record doesn't exist"}, "status": "failure"}
        if method == "PATCH":
            notes = [*record.get("notes", ()), *([body["work_notes"]] if "work_notes" in body else ())]
            record |= {**body, "notes": notes}
        return 200, {"result": {name: record.get(name, "") for name in shown}}
    name, _, value = query["sysparm_query"].partition("=")
    records = [one for one in desk.tickets if desk.ignores_queries or one.get(name) == value]
    records = records[: int(query["sysparm_limit"])]
    return 200, {"result": [{name: one.get(name, "") for name in shown} for one in records]}


def jira(desk: DeskServer, method: str, target: str, body: Any) -> Answer:
    """Answer as the REST API of Jira Cloud does; its search lags behind."""
    split = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(split.query).items()}
    parts = split.path.removeprefix("/rest/api/3/").split("/")
    match method, parts:
        case "POST", ["issue"]:
            if errors := _issue_errors(body):
                return 400, {"errorMessages": [], "errors": errors}
            number = len(desk.tickets) + 1
            issue = {"id": str(10000 + number), "key": f"ITSEC-{number}", "status": ("To Do", "new"), "comments": []}
            desk.tickets.append({**issue, **body["fields"]})
            return 201, {"id": issue["id"], "key": issue["key"], "self": f"{desk.url}/rest/api/3/issue/{issue['id']}"}
        case "GET", ["search", "jql"]:
            asked = re.fullmatch(r'project = "ITSEC" AND labels = "([^"\s]+)"', query["jql"])
            if not asked:
                return 400, {"errorMessages": [f"Error in the JQL Query: {query['jql']}"], "errors": {}}
            desk.hidden -= 1
            issues = [] if desk.hidden >= 0 else [one for one in desk.tickets if asked[1] in one["labels"]]
            return 200, {"issues": list(map(_shown, issues)), "isLast": True}
        case _, ["issue", key, *rest]:
            issue = next((one for one in desk.tickets if key in (one["id"], one["key"])), {})
            if not issue:
                return 404, {
                    "errorMessages": ["Issue does not exist or you do not have permission to see it."],
                    "errors": {},
                }
            return _of_issue(issue, method, rest, body)
    return 404, {"errorMessages": ["no such resource"], "errors": {}}


def _of_issue(issue: dict[str, Any], method: str, rest: list[str], body: Any) -> Answer:
    match method, rest:
        case "GET", []:
            return 200, _shown(issue)
        case "POST", ["comment"]:
            if wrong := _document_error(body.get("body")):
                return 400, {"errorMessages": [wrong], "errors": {}}
            issue["comments"].append(said(body["body"]))
            return 201, {"id": "1", "body": body["body"]}
        case "GET", ["transitions"]:
            steps = [("11", "In Progress", "indeterminate"), ("31", "Done", "done")]
            listed = [{"id": i, "name": n, "to": {"name": n, "statusCategory": {"key": c}}} for i, n, c in steps]
            return 200, {"expand": "transitions", "transitions": listed}
        case "POST", ["transitions"]:
            issue["status"] = {"11": ("In Progress", "indeterminate"), "31": ("Done", "done")}[body["transition"]["id"]]
            return 204, None
    return 405, {"errorMessages": ["not allowed"], "errors": {}}


def _shown(issue: dict[str, Any]) -> dict[str, Any]:
    name, category = issue["status"]
    status = {"name": name, "statusCategory": {"key": category}}
    return {"id": issue["id"], "key": issue["key"], "fields": {"labels": issue["labels"], "status": status}}


def _issue_errors(body: Any) -> dict[str, str]:
    fields = body["fields"]
    known = {"project", "issuetype", "summary", "description", "labels", "duedate", "priority"}
    errors = {
        name: f"Field '{name}' cannot be set. It is not on the appropriate screen, or unknown."
        for name in fields.keys() - known
    }
    summary = fields.get("summary")
    if not isinstance(summary, str) or not 0 < len(summary) <= 255 or "\n" in summary:
        errors["summary"] = "The summary is invalid because it contains newline characters, is empty or too long."
    if any(not isinstance(one, str) or re.search(r"\s", one) for one in fields.get("labels", ())):
        errors["labels"] = "The label contains spaces which is invalid."
    if fields.get("project") != {"key": "ITSEC"}:
        errors["project"] = "valid project is required"
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", fields.get("duedate", "2026-01-01")):
        errors["duedate"] = "Error parsing date string"
    if wrong := _document_error(fields.get("description")):
        errors["description"] = wrong
    return errors


def _document_error(document: Any) -> str:
    """Return what is wrong with an Atlassian document of paragraphs of text."""
    if not isinstance(document, dict) or (document.get("type"), document.get("version")) != ("doc", 1):
        return "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
    for paragraph in document["content"]:
        if set(paragraph) != {"type", "content"} or paragraph["type"] != "paragraph":
            return "INVALID_INPUT"
        if any(
            set(run) != {"type", "text"} or run["type"] != "text" or not run["text"] for run in paragraph["content"]
        ):
            return "INVALID_INPUT"
    return ""


def said(document: Any) -> str:
    """Return the text of a document."""
    return "\n".join("".join(run["text"] for run in one["content"]) for one in document["content"])
