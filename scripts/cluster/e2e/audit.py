"""What the executor's accounts did, from the API server's audit log: audit.py LOG GRANTED DRY_RUN…

Prints how much was looked at; ends with 1 and a line for each fault. GRANTED is the namespace whose ConfigMaps and Secrets the executor
was given; DRY_RUN names an execution that was only to be tried, as namespace/name, and its target, as in `ns/name=deployments/ns/target`.
"""

import glob
import json
import sys

SYSTEM = "kubernetes-executor-system"
OURS = f"system:serviceaccount:{SYSTEM}:kubernetes-executor"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
# Of the controller, by resource: in which namespaces, None for all of them.
CONTROLLER_WRITES = {
    "kubernetesexecutions": None,
    "kubernetesexecutions/status": None,
    "events": None,
    "subjectaccessreviews": None,
    "jobs": SYSTEM,
    "secrets": SYSTEM,
    "leases": SYSTEM,
}
# Of the accounts of the actions.
ACTION_WRITES = {
    "scale-deployment": {"deployments/scale"},
    "restart-deployment": {"deployments"},
    "update-image": {"deployments"},
    "delete-pod": {"pods"},
    "patch-configmap": {"configmaps"},
    "patch-secret": {"secrets"},
    "cordon-node": {"nodes"},
    "uncordon-node": {"nodes"},
    "drain-node": {"nodes", "pods/eviction"},
    "rollout-status": set(),
}


def entries(log):
    for path in sorted(glob.glob(log.replace(".log", "*.log"))):
        with open(path, encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                if entry["stage"] == "ResponseComplete" and entry["user"]["username"].startswith(OURS):
                    yield entry


def resource_of(entry):
    reference = entry["objectRef"]
    sub = reference.get("subresource")
    return f"{reference['resource']}/{sub}" if sub else reference["resource"]


def told(entry):
    reference = entry["objectRef"]
    place = f"{reference.get('namespace', '')}/{reference.get('name', '')}"
    return f"{entry['user']['username'].split(':')[-1]}: {entry['verb']} {resource_of(entry)} {place}, {entry['responseStatus'].get('code')}"


def write_fault(entry):
    who = entry["user"]["username"].removeprefix(OURS).lstrip("-")
    resource, namespace = resource_of(entry), entry["objectRef"].get("namespace")
    if who:
        return resource not in ACTION_WRITES.get(who, set())
    return resource not in CONTROLLER_WRITES or CONTROLLER_WRITES[resource] not in (None, namespace)


def read_fault(entry, granted):
    reference = entry["objectRef"]
    places = {"": {SYSTEM, granted}, "patch-secret": {granted}}
    who = entry["user"]["username"].removeprefix(OURS).lstrip("-")
    if reference["resource"] != "secrets" or reference.get("namespace") in places.get(who, set()):
        return False
    return entry["responseStatus"].get("code") != 403


def made_job(entry, execution):
    if resource_of(entry) != "jobs" or entry["verb"] != "create":
        return False
    annotations = entry["requestObject"]["metadata"].get("annotations", {})
    of = f"{annotations.get('kubernaut.ai/execution-namespace')}/{annotations.get('kubernaut.ai/execution-name')}"
    return of == execution


def dry_run_faults(seen, told_of):
    execution, _, target = told_of.partition("=")
    kind, namespace, name = target.split("/")
    for entry in seen:
        reference = entry["objectRef"]
        if made_job(entry, execution):
            yield f"a Job for the dry run {execution}: {told(entry)}"
        if (reference["resource"], reference.get("namespace"), reference.get("name")) == (kind, namespace, name):
            if entry["verb"] in WRITES:
                yield f"a write to the target of the dry run {execution}: {told(entry)}"


def main():
    log, granted, *dry_runs = sys.argv[1:]
    seen = [entry for entry in entries(log) if "objectRef" in entry]
    writes = [entry for entry in seen if entry["verb"] in WRITES]
    reads = [entry for entry in seen if entry["verb"] not in WRITES]
    faults = [f"a write that is not its own: {told(entry)}" for entry in writes if write_fault(entry)]
    faults += [f"a Secret that it was not given: {told(entry)}" for entry in reads if read_fault(entry, granted)]
    for each in dry_runs:
        faults += dry_run_faults(seen, each)
    by_actions = sum(entry["user"]["username"] != OURS for entry in writes)
    print(f"{len(writes)} writes, {by_actions} of them by the actions' accounts, and {len(reads)} reads of Secrets")
    if not writes or not by_actions:
        faults.append("too little is in the log for this to show anything")
    sys.exit("\n".join(sorted(set(faults))) if faults else 0)


main()
