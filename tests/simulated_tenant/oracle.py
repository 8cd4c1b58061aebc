"""Microsoft's own SDK reads the simulator: run by the Python that has ``msgraph-sdk``, which nothing else here needs.

``python oracle.py BASE CA [AT_ONCE]`` reads what the plan on standard input (JSON) names and prints, per
collection, the objects as the SDK serialises them again, what it could not place, and how long the reading
took. AT_ONCE collections are read side by side, one unless said.
"""

import asyncio
import json
import ssl
import sys
import time
from typing import Any

import httpx
from kiota_abstractions.authentication import (
    AccessTokenProvider,
    AllowedHostsValidator,
    BaseBearerTokenAuthenticationProvider,
)
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_serialization_json.json_serialization_writer import JsonSerializationWriter
from msgraph import GraphRequestAdapter, GraphServiceClient
from msgraph_core import GraphClientFactory


class Token(AccessTokenProvider):  # type: ignore[misc]
    """Any token will do."""

    async def get_authorization_token(self, uri: str, additional_authentication_context: Any = None) -> str:  # noqa: ARG002
        return "token"

    def get_allowed_hosts_validator(self) -> AllowedHostsValidator:
        return AllowedHostsValidator(["localhost"])


def client(base: str, ca: str) -> GraphServiceClient:
    context = ssl.create_default_context(cafile=ca)
    plain = httpx.AsyncClient(verify=context, base_url=base, trust_env=False, timeout=100)
    made = GraphClientFactory.create_with_default_middleware(client=plain, host=base)
    adapter = GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(Token()), client=made)
    adapter.base_url = base
    return GraphServiceClient(request_adapter=adapter)


def place(graph: GraphServiceClient, path: list[str]) -> Any:
    """Walk the SDK's own builders: ``groups by_group_id:<id> members``."""
    builder: Any = graph
    for step in path:
        name, _, argument = step.partition(":")
        builder = getattr(builder, name)
        if argument:
            builder = builder(argument)
    return builder


async def objects(builder: Any, asked: dict[str, Any]) -> list[Any]:
    parameters = getattr(type(builder), f"{type(builder).__name__}GetQueryParameters")
    asked = parameters(**{name: asked[name] for name in ("select", "expand", "top") if asked.get(name)})
    page = await builder.get(request_configuration=RequestConfiguration(query_parameters=asked))
    found: list[Any] = []
    while page is not None:
        found += page.value or []
        page = await builder.with_url(page.odata_next_link).get() if page.odata_next_link else None
    return found


def serialised(thing: Any) -> Any:
    writer = JsonSerializationWriter()
    thing.serialize(writer)
    return json.loads(writer.get_serialized_content())


def unplaced(thing: Any, where: str, found: list[str]) -> None:
    """Collect what ended up in ``additional_data``, at any depth."""
    found += [
        f"{where}.{name}" for name in getattr(thing, "additional_data", None) or {} if not name.startswith("@odata")
    ]
    values = thing.backing_store.enumerate_() if hasattr(thing, "backing_store") else []
    for name, value in values:
        for item in value if isinstance(value, list) else [value]:
            if hasattr(item, "backing_store"):
                unplaced(item, f"{where}.{name}", found)


async def main(base: str, ca: str, plan: list[dict[str, Any]], at_once: int = 1) -> None:
    graph, gate = client(base, ca), asyncio.Semaphore(at_once)

    async def read_one(one: dict[str, Any]) -> list[Any]:
        async with gate:
            return await objects(place(graph, one["path"]), one)

    read: dict[str, Any] = {}
    left: list[str] = []
    began = time.perf_counter()
    found = await asyncio.gather(*(read_one(one) for one in plan))
    took = time.perf_counter() - began
    came = {one["name"]: things for one, things in zip(plan, found, strict=True)}
    for name, things in came.items():
        read[name] = [serialised(thing) for thing in things]
        for thing in things:
            unplaced(thing, name, left)
    json.dump({"read": read, "left": left, "seconds": took}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], json.load(sys.stdin), int((sys.argv[3:] or ["1"])[0])))
