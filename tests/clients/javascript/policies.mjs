// The official JavaScript client against the sandbox: policies from list to restore, pages, retries, refusals.
//
// Called by tests/clients/run, which serves the sandbox and says in the environment where.

import assert from "node:assert/strict";
import process from "node:process";

import "isomorphic-fetch";
import { ClientSecretCredential } from "@azure/identity";
import { Client, GraphError, PageIterator } from "@microsoft/microsoft-graph-client";
import { TokenCredentialAuthenticationProvider } from "@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js";

const URL_ = process.env.SANDBOX_URL;
const TENANT = process.env.SANDBOX_TENANT_ID;
const AZURE = "797f4846-ba00-4fd7-ba43-dac1f8f63013";
const NOBODY = "11111111-1111-4111-8111-111111111111";
const POLICIES = "/identity/conditionalAccess/policies";
const SHIPPED = 3;
const MADE = 7;

const started = performance.now();

/** Says that a step is behind us, and how long after the start. */
function done(step) {
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(5);
  console.log(`javascript: ${seconds} s  ${step}`);
}

/** Asks the sandbox for what only a sandbox can. */
async function control(method, what, body) {
  const answer = await fetch(`${URL_}/sandbox/${what}`, {
    method,
    headers: { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} /sandbox/${what}: ${text}`);
  return text && JSON.parse(text);
}

/** The statuses of the requests to one path since they were last forgotten. */
async function served(method, path) {
  const requests = await control("GET", "requests");
  return requests
    .filter((request) => request.method === method && request.path === path)
    .map((request) => request.status);
}

function policy(name) {
  return {
    displayName: name,
    state: "enabledForReportingButNotEnforced",
    conditions: {
      clientAppTypes: ["all"],
      applications: { includeApplications: [AZURE] },
      users: { includeUsers: ["All"] },
    },
    grantControls: { operator: "OR", builtInControls: ["mfa"] },
  };
}

async function lifeOfAPolicy(graph) {
  const before = await graph.api(POLICIES).get();
  assert.equal(before.value.length, SHIPPED);
  const made = await graph.api(POLICIES).post(policy("JavaScript 0"));
  assert.ok(made.id && made.createdDateTime);
  assert.equal(made.modifiedDateTime, null);
  done("listed and created a policy");

  const path = `${POLICIES}/${made.id}`;
  const read = await graph.api(path).get();
  assert.equal(read.displayName, "JavaScript 0");
  assert.deepEqual(read.conditions.users.excludeUsers, []);
  assert.equal(await graph.api(path).patch({ state: "disabled" }), undefined);
  assert.equal((await graph.api(path).get()).state, "disabled");
  assert.equal((await graph.api(path).version("beta").get()).id, made.id);
  done("read it and changed it");

  await graph.api(path).delete();
  await assert.rejects(graph.api(path).get(), (error) => {
    assert.ok(error instanceof GraphError);
    assert.equal(error.statusCode, 404);
    return true;
  });
  const bin = `/identity/conditionalAccess/deletedItems/policies/${made.id}`;
  assert.equal((await graph.api(bin).get()).displayName, "JavaScript 0");
  assert.equal((await graph.api(`${bin}/restore`).post({})).id, made.id);
  assert.equal((await graph.api(path).get()).state, "disabled");
  done("deleted it and restored it");
  return path;
}

async function pages(graph) {
  for (let number = 1; number < MADE; number += 1) {
    await graph.api(POLICIES).post(policy(`JavaScript ${number}`));
  }
  await control("POST", "settings", { page_size: 2 });
  await control("DELETE", "requests");
  const first = await graph.api(POLICIES).get();
  assert.equal(first.value.length, 2);
  assert.ok(first["@odata.nextLink"].startsWith(`${URL_}/v1.0/`), first["@odata.nextLink"]);
  const names = [];
  const iterator = new PageIterator(graph, first, (found) => {
    names.push(found.displayName);
    return true;
  });
  await iterator.iterate();
  await control("POST", "settings", { page_size: null });
  const made = names.filter((name) => name.startsWith("JavaScript ")).sort();
  assert.deepEqual(made, Array.from({ length: MADE }, (_, number) => `JavaScript ${number}`));
  assert.equal(new Set(names).size, SHIPPED + MADE);
  assert.equal(names.length, SHIPPED + MADE);
  assert.deepEqual(await served("GET", `/v1.0${POLICIES}`), [200, 200, 200, 200, 200]);
  done("followed the pages to the end");
}

async function retries(graph, path) {
  await control("DELETE", "requests");
  const fault = { path: "identity/conditionalAccess/policies", retry_after: 1 };
  await control("POST", "faults", { ...fault, method: "GET", times: 2, status: 429 });
  const begin = performance.now();
  const list = await graph.api(POLICIES).get();
  assert.equal(list.value.length, SHIPPED + MADE);
  const waited = performance.now() - begin;
  assert.ok(waited >= 2000, `${waited} ms`);
  assert.deepEqual(await served("GET", `/v1.0${POLICIES}`), [429, 429, 200]);
  done("got through two 429 with Retry-After");

  await control("POST", "faults", { ...fault, method: "PATCH", times: 1, status: 503 });
  await graph.api(path).patch({ displayName: "JavaScript 0 once more" });
  assert.deepEqual(await served("PATCH", `/v1.0${path}`), [503, 204]);
  assert.equal((await graph.api(path).get()).displayName, "JavaScript 0 once more");
  done("got through a 503 on a change");
}

async function refusals(graph) {
  const wrong = policy("JavaScript refused");
  wrong.conditions.applications.includeApplications = [NOBODY];
  await assert.rejects(graph.api(POLICIES).post(wrong), (error) => {
    assert.ok(error instanceof GraphError);
    assert.equal(error.statusCode, 400);
    assert.equal(error.code, "BadRequest");
    assert.match(error.message, /^1034: /);
    assert.ok(error.requestId);
    return true;
  });
  done("saw why a policy is refused");
}

async function directory(graph) {
  const locations = await graph.api("/identity/conditionalAccess/namedLocations").get();
  const types = locations.value.map((found) => found["@odata.type"]);
  assert.ok(types.includes("#microsoft.graph.ipNamedLocation"), types.join());
  const users = await graph.api("/users").select("id,userPrincipalName").get();
  const names = users.value.map((user) => user.userPrincipalName);
  assert.ok(names.includes("emergency1@sandbox.onmicrosoft.example"), names.join());
  assert.equal((await graph.api(`/users/${users.value[0].id}`).get()).id, users.value[0].id);
  done("read named locations and users");
}

const credential = new ClientSecretCredential(TENANT, "a-javascript-app", "any secret", {
  authorityHost: URL_,
  disableInstanceDiscovery: true,
});
const graph = Client.initWithMiddleware({
  authProvider: new TokenCredentialAuthenticationProvider(credential, { scopes: [`${URL_}/.default`] }),
  baseUrl: `${URL_}/`,
  customHosts: new Set(["localhost"]),
});
await control("POST", "reset");
const path = await lifeOfAPolicy(graph);
await pages(graph);
await retries(graph, path);
await refusals(graph);
await directory(graph);
