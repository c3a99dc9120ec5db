"""Holds rights.txt against what the API server lets the executor's accounts do: rights.py RIGHTS_FILE GRANTED OTHER ONE_IN < KUBECONFIG_JSON

For each account and place the server lists its rules (SelfSubjectRulesReview); they are laid out over every resource and verb that it
serves, less what an account without any rights may do, and compared with the file both ways. Then single questions
(SubjectAccessReview): every cell that is expected, and one in ONE_IN of all the others; none at all for 0. GRANTED and OTHER are two
namespaces.
"""

import base64
import http.client
import json
import ssl
import sys
import tempfile
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from threading import local

SYSTEM = "kubernetes-executor-system"
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "impersonate", "bind", "escalate", "approve"]
connections = local()


class Api:
    def __init__(self, config):
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
        self.host = urllib.parse.urlsplit(cluster["server"]).netloc
        self.context = ssl.create_default_context(cadata=decoded(cluster, "certificate-authority").decode())
        with tempfile.NamedTemporaryFile() as pair:
            pair.write(decoded(user, "client-certificate") + b"\n" + decoded(user, "client-key"))
            pair.flush()
            self.context.load_cert_chain(pair.name)

    def call(self, method, path, body=None, headers=()):
        if not hasattr(connections, "one"):
            connections.one = http.client.HTTPSConnection(self.host, context=self.context, timeout=30)
        payload = None if body is None else json.dumps(body)
        connections.one.request(method, path, payload, {"Content-Type": "application/json", **dict(headers)})
        response = connections.one.getresponse()
        answer = json.loads(response.read())
        if response.status >= 400:
            sys.exit(f"{method} {path}: {response.status}: {answer.get('message')}")
        return answer


def decoded(part, name):
    if f"{name}-data" in part:
        return base64.b64decode(part[f"{name}-data"])
    with open(part[name], "rb") as file:
        return file.read()


def full(group, resource):
    return f"{group}/{resource}" if group else resource


def resources(api):
    """Every resource that is served, with its subresources: (group, resource)."""
    found = {("", each["name"]) for each in api.call("GET", "/api/v1")["resources"]}
    for group in api.call("GET", "/apis")["groups"]:
        for version in group["versions"]:
            served = api.call("GET", f"/apis/{version['groupVersion']}")["resources"]
            found |= {(group["name"], each["name"]) for each in served}
    return sorted(found)


def user_of(account):
    name = "kubernetes-executor" if account == "controller" else f"kubernetes-executor-{account}"
    return f"system:serviceaccount:{SYSTEM}:{name}"


GROUPS = ["system:serviceaccounts", f"system:serviceaccounts:{SYSTEM}", "system:authenticated"]


def rules(api, account, namespace):
    # One header of a kind is enough: the server adds the groups of a service account by itself.
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview", "spec": {"namespace": namespace}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    return api.call("POST", path, body, {"Impersonate-User": user_of(account)})["status"]["resourceRules"]


def laid_out(found, served):
    """The cells that rules allow: (resource, verb, names). What is not served is a cell of its own."""
    cells = set()
    for rule in found:
        names = tuple(sorted(rule.get("resourceNames", [])))
        verbs = VERBS if "*" in rule["verbs"] else rule["verbs"]
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                matching = [full(g, r) for g, r in served if group in ("*", g) and resource in ("*", r)]
                for each in matching or [full(group, resource)]:
                    cells |= {(each, verb, names) for verb in verbs}
    return cells


def expected(file):
    """By account and place: cells."""
    cells = {}
    with open(file, encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            account, place, resource, verbs = words[:4]
            names = tuple(sorted(words[4].split(","))) if len(words) > 4 else ()
            places = ["own", "granted", "other", "cluster"] if place == "everywhere" else [place]
            for each in places:
                cells.setdefault((account, each), set()).update((resource, verb, names) for verb in verbs.split(","))
    return cells


def may(api, account, namespace, resource, verb, name):
    parts = resource.split("/")
    group = parts.pop(0) if "." in parts[0] or parts[0] in ("apps", "batch", "policy", "autoscaling") else ""
    attributes = {"group": group, "resource": parts[0], "subresource": "/".join(parts[1:]), "verb": verb, "name": name}
    spec = {"user": user_of(account), "groups": GROUPS, "resourceAttributes": {**attributes, "namespace": namespace}}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    return api.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)["status"]["allowed"]


def main():
    file, granted, other, one_in = sys.argv[1:5]
    api = Api(json.load(sys.stdin))
    served = resources(api)
    wanted = expected(file)
    accounts = sorted({account for account, _ in wanted})
    namespaces = {"own": SYSTEM, "granted": granted, "other": other}
    faults, questions = [], []
    for account in accounts:
        for place, namespace in namespaces.items():
            anyone = laid_out(rules(api, "of-nobody", namespace), served)
            found = laid_out(rules(api, account, namespace), served) - anyone
            listed = wanted.get((account, place), set())
            faults += [f"{account} may not {verb} {what} {of} in {place}" for what, verb, of in sorted(listed - found)]
            faults += [f"{account} may {verb} {what} {of} in {place}, which is not listed" for what, verb, of in sorted(found - listed)]
        for place, namespace in {**namespaces, "cluster": ""}.items() if one_in != "0" else ():
            listed = {(what, verb): of for what, verb, of in wanted.get((account, place), set())}
            anyone = {(what, verb) for what, verb, _ in laid_out(rules(api, "of-nobody", namespace or other), served)}
            cells = {(full(group, name), verb) for group, name in served for verb in VERBS} - anyone
            for number, (what, verb) in enumerate(sorted(cells | set(listed))):
                if (what, verb) in listed or number % int(one_in) == 0:
                    names = listed.get((what, verb), ())
                    questions.append(((account, namespace, what, verb, names[0] if names else ""), (what, verb) in listed))
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda question: may(api, *question[0]), questions)
        for (cell, right), answer in zip(questions, answers):
            if answer != right:
                faults.append(f"asked one by one: {cell} is {answer}")
    print(f"{len(accounts)} accounts, {len(served)} resources, {len(VERBS)} verbs, 4 places; {len(questions)} cells asked one by one")
    sys.exit("\n".join(faults) if faults else 0)


main()
