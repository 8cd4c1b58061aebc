"""Mail by Microsoft Graph, with the sign-in of a source in Entra ID: an application proves itself by its certificate."""

import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from access_review.connectors import Source
from access_review.connectors.entra.authentication import Network, TokenProvider
from access_review.connectors.entra.graph import Graph, GraphResponse
from access_review.connectors.entra.pages import NotReadError
from access_review.connectors.entra.registration import CLOUDS, Certificate, Cloud, Registration
from access_review.connectors.entra.throttle import ThrottlePace, retry_after
from access_review.connectors.secret import kept_at
from access_review.errors import AccessReviewError
from access_review.settings.channels import GraphMail
from access_review.views import graph_message
from access_review.views.notices import Notice

_BUSY = frozenset({429, 503})
"""What a service answers that did not take the message: it may be sent again without being sent twice."""
_ATTEMPTS = 3
_LONGEST_WAIT = 20.0


class GraphPost:
    """One sign-in for as many mails as are to be sent; close it."""

    def __init__(self, settings: GraphMail, folder: Path) -> None:
        source = Source("notify: graph", folder)
        password = settings.password
        certificate = Certificate(
            file=settings.certificate,
            password=kept_at(password) if password else None,
        )
        place = settings.cloud
        cloud = CLOUDS[place] if isinstance(place, str) else Cloud(sign_in=place.sign_in, graph=place.graph)
        network = Network(folder / settings.ca if settings.ca else None, settings.proxy)
        registration = Registration(client_id=settings.client_id, certificate=certificate)
        token = TokenProvider(source, settings.tenant, registration, cloud, network)
        self._sender = settings.sender
        self._graph = Graph(f"{cloud.graph}/v1.0", token, network.session(), ThrottlePace(), parallel=1)

    def send(self, notice: Notice, address: str, sheet: bytes) -> str:
        """Send one mail; return why it could not be sent, or nothing.

        A message whose answer was lost may have arrived: it is not sent again here.
        """
        if len(sheet) > graph_message.LARGEST_SHEET:
            return "the work sheet is too large for a mail by Graph: send it by hand"
        body = graph_message.message(notice, address, sheet)
        try:
            answer = self._posted(f"/users/{quote(self._sender, safe='@')}/sendMail", body)
        except AccessReviewError as error:
            return error.message + (f" → {error.hint}" if error.hint else "")
        except NotReadError as error:
            return str(error)
        return "" if answer.status == 202 else f"Graph did not take it: {answer.summary}"

    def _posted(self, place: str, body: Mapping[str, object]) -> GraphResponse:
        """Return the answer to a message, after waiting where the service is busy."""
        answer = self._graph.send("POST", place, body=body)
        for attempt in range(_ATTEMPTS - 1):
            if answer.status not in _BUSY:
                break
            asked = retry_after(answer.headers)
            time.sleep(min(_LONGEST_WAIT, 2.0**attempt if asked is None else asked))
            answer = self._graph.send("POST", place, body=body)
        return answer

    def close(self) -> None:
        """End the connections."""
        self._graph.close()
