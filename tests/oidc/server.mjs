// An independent token service with the addresses of Entra ID: /<tenant>/v2.0 below one HTTPS origin.
//
// Settings come as one line of JSON on standard input; the port goes out the same way, and the service ends when
// its input does. oidc-provider checks secrets and signed assertions and signs the tokens. Nothing here judges.
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createInterface } from "node:readline";
import { Provider } from "oidc-provider";

const lines = createInterface({ input: process.stdin });
const [line] = await once(lines, "line");
const settings = JSON.parse(line);
lines.on("close", () => process.exit(0));

const server = createServer({ cert: readFileSync(settings.cert), key: readFileSync(settings.key) });
server.listen(0, "127.0.0.1");
await once(server, "listening");

const { resource, roles, tenant, life, people = {} } = settings;
const place = `/${tenant}/v2.0`;
const scope = `${resource}/.default`;
const signing = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });

const provider = new Provider(`https://localhost:${server.address().port}${place}`, {
  clients: settings.clients.map((client) => ({
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
    ...client,
  })),
  jwks: { keys: [{ ...signing, use: "sig", alg: "RS256", kid: "1" }] },
  scopes: [scope, "openid", "profile"],
  // As Entra ID does: claims of the person stand in the ID token. Who signs in has agreed already.
  conformIdTokenClaims: false,
  claims: { openid: ["sub", "oid", "tid", "employeeid"] },
  findAccount: (_, id) => id in people && { accountId: id, claims: () => ({ sub: id, tid: tenant, ...people[id] }) },
  interactions: { url: (_, interaction) => `${place}/sign-in/${interaction.uid}` },
  loadExistingGrant: async ({ oidc }) => {
    const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
  enabledJWA: { clientAuthSigningAlgValues: ["RS256", "PS256"] },
  extraTokenClaims: () => ({ roles, tid: tenant }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: Object.keys(people).length === 0,
      defaultResource: () => resource,
      getResourceServerInfo: () => ({
        scope,
        audience: resource,
        accessTokenTTL: life,
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "RS256" } },
      }),
    },
  },
});
const answer = provider.callback();

// Who signs in says so by name: what is tested is what the other side makes of it.
const page = `<!doctype html><html lang="en"><title>Sign in</title><main><h1>Sign in</h1><form method="post">
<label>Name <input name="name" autofocus></label> <button>Sign in</button></form></main></html>`;

async function signIn(request, response) {
  if (request.method === "POST") {
    let body = "";
    for await (const part of request) body += part;
    const accountId = new URLSearchParams(body).get("name");
    await provider.interactionFinished(request, response, { login: { accountId } });
  } else {
    response.writeHead(200, { "content-type": "text/html" }).end(page);
  }
}

server.on("request", (request, response) => {
  if (!request.url.startsWith(`${place}/`)) {
    response.writeHead(404).end();
    return;
  }
  // The provider routes below its mount, and finds the mount again in the original address.
  request.originalUrl = request.url;
  request.url = request.url.slice(place.length);
  if (request.url.startsWith("/sign-in/")) {
    signIn(request, response).catch((error) => response.writeHead(500).end(String(error)));
    return;
  }
  answer(request, response);
});
console.log(JSON.stringify({ port: server.address().port }));
