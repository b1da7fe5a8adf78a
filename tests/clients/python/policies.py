"""The official Python SDK against the sandbox: policies from list to restore, pages, retries, refusals.

Called by tests/clients/run, which serves the sandbox and says in the environment where.
"""

import asyncio
import json
import os
import time
import urllib.request

from azure.identity.aio import ClientSecretCredential
from msgraph import GraphServiceClient
from msgraph.generated.models.conditional_access_applications import ConditionalAccessApplications
from msgraph.generated.models.conditional_access_client_app import ConditionalAccessClientApp
from msgraph.generated.models.conditional_access_condition_set import ConditionalAccessConditionSet
from msgraph.generated.models.conditional_access_grant_control import ConditionalAccessGrantControl
from msgraph.generated.models.conditional_access_grant_controls import ConditionalAccessGrantControls
from msgraph.generated.models.conditional_access_policy import ConditionalAccessPolicy
from msgraph.generated.models.conditional_access_policy_state import ConditionalAccessPolicyState
from msgraph.generated.models.conditional_access_users import ConditionalAccessUsers
from msgraph.generated.models.ip_named_location import IpNamedLocation
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_core import PageIterator

URL = os.environ["SANDBOX_URL"]
TENANT = os.environ["SANDBOX_TENANT_ID"]
AZURE = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
NOBODY = "11111111-1111-4111-8111-111111111111"
PATH = "/v1.0/identity/conditionalAccess/policies"
SHIPPED = 3
MADE = 7

started = time.monotonic()


def done(step):
    """Says that a step is behind us, and how long after the start."""
    print(f"python: {time.monotonic() - started:5.1f} s  {step}", flush=True)


def control(method, what, body=None):
    """Asks the sandbox for what only a sandbox can."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{URL}/sandbox/{what}", data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def served(method, path):
    """The statuses of the requests to one path since they were last forgotten."""
    requests = control("GET", "requests")
    # The SDK's base URL ends in a slash and its paths begin with one.
    return [
        request["status"]
        for request in requests
        if request["method"] == method and request["path"].replace("//", "/") == path
    ]


def policy(name):
    return ConditionalAccessPolicy(
        odata_type="#microsoft.graph.conditionalAccessPolicy",
        display_name=name,
        state=ConditionalAccessPolicyState.EnabledForReportingButNotEnforced,
        conditions=ConditionalAccessConditionSet(
            client_app_types=[ConditionalAccessClientApp.All],
            applications=ConditionalAccessApplications(include_applications=[AZURE]),
            users=ConditionalAccessUsers(include_users=["All"]),
        ),
        grant_controls=ConditionalAccessGrantControls(
            operator="OR", built_in_controls=[ConditionalAccessGrantControl.Mfa]
        ),
    )


async def refusal(call):
    """The refusal that a call comes to."""
    try:
        await call
    except ODataError as error:
        return error
    raise AssertionError("it was not refused")


async def life_of_a_policy(policies, deleted):
    before = await policies.get()
    assert len(before.value) == SHIPPED, before.value
    made = await policies.post(policy("Python 0"))
    assert made.id and made.created_date_time and made.modified_date_time is None
    done("listed and created a policy")

    one = policies.by_conditional_access_policy_id(made.id)
    read = await one.get()
    assert read.display_name == "Python 0"
    assert read.conditions.users.include_users == ["All"]
    assert read.conditions.users.exclude_users == []
    assert read.grant_controls.built_in_controls == [ConditionalAccessGrantControl.Mfa]

    change = ConditionalAccessPolicy(
        odata_type="#microsoft.graph.conditionalAccessPolicy",
        state=ConditionalAccessPolicyState.Disabled,
    )
    assert await one.patch(change) is None
    read = await one.get()
    assert read.state == ConditionalAccessPolicyState.Disabled
    assert read.conditions.applications.include_applications == [AZURE]
    assert read.modified_date_time is not None
    done("read it and changed it")

    await one.delete()
    gone = await refusal(one.get())
    assert gone.response_status_code == 404, gone.response_status_code
    bin_entry = deleted.by_conditional_access_policy_id(made.id)
    assert (await bin_entry.get()).display_name == "Python 0"
    restored = await bin_entry.restore.post()
    assert restored.id == made.id
    assert (await one.get()).state == ConditionalAccessPolicyState.Disabled
    done("deleted it and restored it")
    return one


async def pages(graph, policies):
    for number in range(1, MADE):
        await policies.post(policy(f"Python {number}"))
    control("POST", "settings", {"page_size": 2})
    control("DELETE", "requests")
    first = await policies.get()
    assert len(first.value) == 2 and first.odata_next_link.startswith(f"{URL}/v1.0/")
    names = []

    def take(found):
        names.append(found.display_name)
        return True

    await PageIterator(first, graph.request_adapter).iterate(take)
    control("POST", "settings", {"page_size": None})
    made = sorted(name for name in names if name.startswith("Python "))
    assert made == [f"Python {number}" for number in range(MADE)], names
    assert len(names) == len(set(names)) == SHIPPED + MADE, names
    assert served("GET", PATH) == [200] * 5
    done("followed the pages to the end")


async def retries(policies, one):
    control("DELETE", "requests")
    fault = {"path": "identity/conditionalAccess/policies", "retry_after": 1}
    control("POST", "faults", {**fault, "method": "GET", "times": 2, "status": 429})
    begin = time.monotonic()
    assert len((await policies.get()).value) == SHIPPED + MADE
    waited = time.monotonic() - begin
    assert waited >= 2, waited
    assert served("GET", PATH) == [429, 429, 200]
    done("got through two 429 with Retry-After")

    control("POST", "faults", {**fault, "method": "PATCH", "times": 1, "status": 503})
    await one.patch(ConditionalAccessPolicy(display_name="Python 0 once more"))
    path = f"{PATH}/{(await one.get()).id}"
    assert served("PATCH", path) == [503, 204]
    assert (await one.get()).display_name == "Python 0 once more"
    done("got through a 503 on a change")


async def refusals(policies):
    wrong = policy("Python refused")
    wrong.conditions.applications.include_applications = [NOBODY]
    refused = await refusal(policies.post(wrong))
    assert refused.response_status_code == 400
    assert refused.error.code == "BadRequest", refused.error
    assert refused.error.message.startswith("1034: "), refused.error.message
    assert refused.error.inner_error.request_id, refused.error.inner_error
    done("saw why a policy is refused")


async def directory(graph):
    locations = await graph.identity.conditional_access.named_locations.get()
    ranges = [found for found in locations.value if isinstance(found, IpNamedLocation)]
    assert ranges and ranges[0].ip_ranges[0].odata_type.startswith("#microsoft.graph.iP")
    users = await graph.users.get()
    assert "emergency1@sandbox.onmicrosoft.example" in {
        user.user_principal_name for user in users.value
    }
    user = await graph.users.by_user_id(users.value[0].id).get()
    assert user.id == users.value[0].id
    done("read named locations and users")


async def main():
    control("POST", "reset")
    credential = ClientSecretCredential(
        TENANT, "a-python-app", "any secret", authority=URL, disable_instance_discovery=True
    )
    async with credential:
        graph = GraphServiceClient(credential, [f"{URL}/.default"])
        graph.request_adapter.base_url = f"{URL}/v1.0/"
        access = graph.identity.conditional_access
        one = await life_of_a_policy(access.policies, access.deleted_items.policies)
        await pages(graph, access.policies)
        await retries(access.policies, one)
        await refusals(access.policies)
        await directory(graph)


asyncio.run(main())
