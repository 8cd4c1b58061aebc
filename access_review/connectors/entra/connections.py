"""Connections to the Graph of one tenant, each as an application registration that signs in there."""

from dataclasses import dataclass
from pathlib import Path

from access_review.connectors import Source
from access_review.connectors.entra.authentication import Network, TokenProvider
from access_review.connectors.entra.graph import Graph
from access_review.connectors.entra.registration import Cloud, Registration
from access_review.connectors.entra.throttle import ThrottlePace
from access_review.connectors.secret import Named, text_of


@dataclass(frozen=True, slots=True)
class TenantConnections:
    """How a tenant is connected to; ``parallel`` is how many requests there may be at a time."""

    source: Source
    tenant: str
    cloud: Cloud
    ca_file: Path | None
    proxy: Named | None
    parallel: int

    def open(self, registration: Registration) -> Graph:
        """Open the Graph as a registration; raises ``ConnectorError`` where the proxy's address cannot be had."""
        network = Network(self.ca_file, text_of(self.source, self.proxy) if self.proxy else None)
        pace = ThrottlePace()
        token = TokenProvider(self.source, self.tenant, registration, self.cloud, network, pace)
        return Graph(f"{self.cloud.graph}/v1.0", token, network.session(), pace, parallel=self.parallel)
