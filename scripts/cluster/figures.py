"""Times of executions, from the API server's audit log: figures.py LOG NAMESPACE SINCE. Prints rows of the table of figures.sh.

pickup: from the creation of the execution to its first status. Job creation: the request that creates it. To the Job: from the creation of
the execution to that of its Job. Detection: from the last status of a Job that the cluster wrote to the last status of its execution.
"""

import glob
import json
import sys
from datetime import datetime

CONTROLLER = "system:serviceaccount:kubernetes-executor-system:kubernetes-executor"
JOBS = "system:serviceaccount:kube-system:job-controller"


def time_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def entries(log):
    for path in sorted(glob.glob(log.replace(".log", "*.log"))):
        with open(path, encoding="utf-8") as lines:
            yield from (json.loads(line) for line in lines)


def gather(log, namespace, since):
    """Times by the name of the execution."""
    found, job_of = {}, {}
    for entry in entries(log):
        reference = entry.get("objectRef", {})
        code = entry.get("responseStatus", {}).get("code", 500)
        # What is done to a collection has no name.
        if entry["stage"] != "ResponseComplete" or code >= 300 or not reference.get("name"):
            continue
        user, verb, resource = entry["user"]["username"], entry["verb"], reference.get("resource")
        began, ended = time_of(entry["requestReceivedTimestamp"]), time_of(entry["stageTimestamp"])
        if began < since:
            continue
        sub = reference.get("subresource")
        if resource == "kubernetesexecutions" and reference.get("namespace") == namespace:
            times = found.setdefault(reference.get("name"), {})
            if verb == "create":
                times.clear()
                times["created"] = ended
            elif sub == "status" and user == CONTROLLER:
                times.setdefault("picked", ended)
                times["over"] = ended
        elif resource == "jobs" and verb == "create" and user == CONTROLLER:
            notes = entry["requestObject"]["metadata"]["annotations"]
            if notes["kubernaut.ai/execution-namespace"] == namespace:
                name = notes["kubernaut.ai/execution-name"]
                job_of[entry["requestObject"]["metadata"]["name"]] = name
                found.setdefault(name, {}).update(asked=began, made=ended)
        elif resource == "jobs" and sub == "status" and user == JOBS and reference.get("name") in job_of:
            found[job_of[reference["name"]]]["finished"] = ended
    return found


def at(values, part):
    values = sorted(values)
    return values[min(len(values) - 1, round(part * (len(values) - 1)))]


def row(title, values):
    if not values:
        sys.exit(f"{title}: nothing in the log")
    shown = " / ".join(f"{1000 * at(values, part):.0f}" for part in (0.5, 0.99))
    print(f"| {title:<44} | {shown:>12} |")


def main():
    log, namespace, since = sys.argv[1:4]
    found = gather(log, namespace, float(since))
    for kind, group in {"one by one": "one-", "ten at a time": "line-"}.items():
        all_of = [times for name, times in found.items() if name.startswith(group)]
        for title, first, last in [
            ("pickup", "created", "picked"),
            ("Job creation", "asked", "made"),
            ("to the Job", "created", "made"),
            ("detection", "finished", "over"),
        ]:
            values = [times[last] - times[first] for times in all_of if first in times and last in times]
            row(f"{title}, {kind}, p50 / p99, ms", values)


main()
