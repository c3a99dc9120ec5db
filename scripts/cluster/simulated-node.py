"""Stands in for the kubelet of a node that has no machine: simulated-node.py SERVER PKI_DIRECTORY NODE.

The node is kept Ready and its lease renewed. A pod that is bound to it is reported running and ready, and is gone
when it is deleted. Nothing is executed. Annotations change that, so that tests can have a bad day:

    simulated/ready: "false"    on a pod: runs, but never becomes ready; on the node: reports NotReady
    simulated/exit-code: "3"    on a pod: all its containers end at once with that code
    simulated/stays: "true"     on a pod: does not go away when it is deleted

The label and the taint `simulated=true` keep pods away that do not ask for it.
"""

import http.client
import json
import ssl
import sys
import time
import urllib.parse
from datetime import datetime, timezone

STEP_SECONDS = 0.5
HEARTBEAT_SECONDS = 3
CAPACITY = {"cpu": "8", "memory": "16Gi", "pods": "100", "ephemeral-storage": "100Gi"}
JSON, STRATEGIC = "application/json", "application/strategic-merge-patch+json"


def now(timespec="seconds"):
    return datetime.now(timezone.utc).isoformat(timespec=timespec).replace("+00:00", "Z")


def log(text):
    print(f"{now()} {text}", flush=True)


class Api:
    """One connection to the API server, opened again when it was lost."""

    def __init__(self, server, pki, node):
        self.host = urllib.parse.urlsplit(server).netloc
        self.context = ssl.create_default_context(cafile=f"{pki}/ca.crt")
        self.context.load_cert_chain(f"{pki}/{node}.crt", f"{pki}/{node}.key")
        self.connection = None

    def call(self, method, path, body=None, kind=JSON):
        """The status and the object that came back; what cannot be reached raises OSError or HTTPException."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(self.host, context=self.context, timeout=10)
            payload = None if body is None else json.dumps(body)
            self.connection.request(method, path, payload, {"Content-Type": kind})
            response = self.connection.getresponse()
            answer = json.loads(response.read())
            # Missing and changed meanwhile are ordinary; the next step sees what is there.
            if response.status >= 400 and response.status not in (404, 409):
                log(f"{method} {path}: status {response.status}: {answer.get('message')}")
            return response.status, answer
        except (OSError, http.client.HTTPException):
            self.connection = None
            raise


def condition(name, good, reason):
    return {"type": name, "status": "True" if good else "False", "reason": reason, "lastTransitionTime": now()}


def annotation(thing, name):
    return thing["metadata"].get("annotations", {}).get(f"simulated/{name}")


class Node:
    def __init__(self, api, name):
        self.api, self.name = api, name
        self.path = f"/api/v1/nodes/{name}"
        self.lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        self.pods = "/api/v1/pods?" + urllib.parse.urlencode({"fieldSelector": f"spec.nodeName={name}"})
        self.addresses = {}

    def object(self):
        """The node, made where it is not there."""
        status, node = self.api.call("GET", self.path)
        if status != 404:
            return node
        labels = {"kubernetes.io/hostname": self.name, "kubernetes.io/os": "linux", "simulated": "true"}
        taint = {"key": "simulated", "value": "true", "effect": "NoSchedule"}
        metadata = {"name": self.name, "labels": labels}
        return self.api.call("POST", "/api/v1/nodes", {"metadata": metadata, "spec": {"taints": [taint]}})[1]

    def heartbeat(self):
        node = self.object()
        ready = condition("Ready", annotation(node, "ready") != "false", "Simulated")
        before = [c for c in node.get("status", {}).get("conditions", []) if c["type"] == "Ready"]
        if before and before[0]["status"] == ready["status"]:
            ready["lastTransitionTime"] = before[0]["lastTransitionTime"]
        ready["lastHeartbeatTime"] = now()
        status = {"conditions": [ready], "capacity": CAPACITY, "allocatable": CAPACITY}
        self.api.call("PATCH", f"{self.path}/status", {"status": status}, STRATEGIC)
        self.renew()

    def renew(self):
        spec = {"holderIdentity": self.name, "leaseDurationSeconds": 40, "renewTime": now("microseconds")}
        status, _ = self.api.call("PATCH", f"{self.lease}/{self.name}", {"spec": spec}, STRATEGIC)
        if status == 404:
            self.api.call("POST", self.lease, {"metadata": {"name": self.name}, "spec": spec})

    def step(self):
        _, pods = self.api.call("GET", self.pods)
        for pod in pods.get("items", []):
            try:
                self.settle(pod)
            except (ValueError, KeyError) as error:
                log(f"pod {pod['metadata']['name']}: {type(error).__name__}: {error}")

    def settle(self, pod):
        """Takes one pod where it should be, by one request or none."""
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        if "deletionTimestamp" in metadata:
            if annotation(pod, "stays") != "true":
                options = {"gracePeriodSeconds": 0, "preconditions": {"uid": metadata["uid"]}}
                self.api.call("DELETE", path, options)
            return
        wanted = self.status(pod)
        old = pod.get("status", {})
        is_ready = [c["status"] for c in old.get("conditions", []) if c["type"] == "Ready"]
        if old.get("phase") in ("Succeeded", "Failed"):
            return
        if old.get("phase") != wanted["phase"] or is_ready != [wanted["conditions"][-1]["status"]]:
            self.api.call("PATCH", f"{path}/status", {"status": wanted}, STRATEGIC)

    def address(self, pod):
        """One of the addresses that are for documentation; they come round again after 250 pods."""
        return self.addresses.setdefault(pod["metadata"]["uid"], f"192.0.2.{len(self.addresses) % 250 + 1}")

    def status(self, pod):
        code = annotation(pod, "exit-code")
        ready = code is None and annotation(pod, "ready") != "false"
        phase = "Running" if code is None else "Succeeded" if code == "0" else "Failed"
        told = {"PodReadyToStartContainers": True, "Initialized": True, "ContainersReady": ready, "Ready": ready}
        conditions = [condition(kind, good, "Simulated") for kind, good in told.items()]
        states = [container_status(pod, c, code, ready) for c in pod["spec"]["containers"]]
        first = [container_status(pod, c, "0", True) for c in pod["spec"].get("initContainers", [])]
        return {"phase": phase, "startTime": pod["metadata"]["creationTimestamp"], "podIP": self.address(pod),
                "podIPs": [{"ip": self.address(pod)}], "conditions": conditions, "containerStatuses": states,
                **({"initContainerStatuses": first} if first else {})}


def container_status(pod, container, code, ready):
    if code is None:
        state = {"running": {"startedAt": now()}}
    else:
        reason = "Completed" if code == "0" else "Error"
        state = {"terminated": {"exitCode": int(code), "reason": reason, "startedAt": now(), "finishedAt": now()}}
    return {"name": container["name"], "image": container["image"], "imageID": "simulated", "ready": ready,
            "restartCount": 0, "started": code is None, "state": state,
            "containerID": f"simulated://{pod['metadata']['uid']}/{container['name']}"}


def main():
    server, pki, name = sys.argv[1:4]
    node = Node(Api(server, pki, name), name)
    heartbeat_at = 0.0
    while True:
        try:
            if time.monotonic() >= heartbeat_at:
                node.heartbeat()
                heartbeat_at = time.monotonic() + HEARTBEAT_SECONDS
            node.step()
        except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
            log(f"{type(error).__name__}: {error}")
        time.sleep(STEP_SECONDS)


main()
