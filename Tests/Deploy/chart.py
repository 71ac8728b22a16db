"""chart.py OTELCOL HELM [--write]: renders the chart with each of its example values and checks what comes out: against
Kubernetes' published schemas, with otelcol itself (the configurations), and for what must hold between the parts.
Deploy/kubernetes/manifests has two of the renderings for those who do not use Helm; --write renews them."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import kubernetes_validate
import yaml

ROOT = pathlib.Path(__file__).parent.parent.parent
DEPLOY = ROOT / "Deploy/kubernetes"
otelcol, helm = os.path.abspath(sys.argv[1]), sys.argv[2]
problems = []
# The oldest that the chart allows, and newer ones.
VERSIONS = ["1.25", "1.30", "1.34"]


def expect(condition, what):
    if not condition:
        problems.append(what)


def render(*arguments, version="1.30"):
    command = [helm, "template", "otelcol", DEPLOY / "chart", "-n", "profiling", "--kube-version", version, *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def mebibytes(quantity):
    number, unit = re.fullmatch(r"(\d+)([MG]i)", quantity).groups()
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


def check_agent(name, pod, configuration):
    container = pod["containers"][0]
    context = container["securityContext"]
    expect(pod["hostPID"] is True, f"{name}: samples carry the node's process ids")
    expect(context["readOnlyRootFilesystem"] is True and not context.get("privileged"), f"{name}: too much power")
    expect(context["capabilities"]["drop"] == ["ALL"], f"{name}: capabilities are kept")
    tested = re.search(r"^needed=(.*)$", (ROOT / "Scripts/container-test").read_text(), re.MULTILINE)[1]
    if "SYS_ADMIN" not in context["capabilities"]["add"]:
        added = sorted(entry.lower() for entry in context["capabilities"]["add"])
        expect(added == sorted(tested.split(",")), f"{name}: capabilities are not those of Scripts/container-test")
    budget = configuration["receivers"]["profiling"]["memory_budget_mib"]
    expect(mebibytes(container["resources"]["limits"]["memory"]) >= budget + 300, f"{name}: the memory limit is low")


def check_gateway(name, pod):
    context = pod["containers"][0]["securityContext"]
    expect(context["runAsNonRoot"] and context["capabilities"] == {"drop": ["ALL"]}, f"{name}: too much power")


def check_configuration(name, text):
    configuration = yaml.safe_load(text)
    with tempfile.TemporaryDirectory() as folder:
        # Folders of the image.
        path = pathlib.Path(folder) / "otel.yml"
        path.write_text(text.replace("/var/lib/otelcol", folder))
        names = re.findall(r"\$\{env:(\w+)\}|node_from_env_var: (\w+)", text)
        environment = {**os.environ, **{name: "value" for pair in names for name in pair if name}}
        run = subprocess.run(
            [otelcol, "validate", f"--config={path}", "--feature-gates=service.profilesSupport"],
            env=environment, capture_output=True, text=True)
    expect(run.returncode == 0, f"{name}: otelcol validate: {run.stderr or run.stdout}")
    return configuration


def check(name, text):
    kinds = {}
    configurations = {}
    for document in yaml.safe_load_all(text):
        if document is None:
            continue
        kind = document["kind"]
        kinds.setdefault(kind, []).append(document)
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except Exception as error:
                problems.append(f"{name}: {kind} for {version}: {str(error)[:500]}")
        if kind == "ConfigMap":
            configurations[document["metadata"]["name"]] = check_configuration(name, document["data"]["otel.yml"])
    for kind, component in [("DaemonSet", "agent"), ("Deployment", "gateway"), ("StatefulSet", "gateway")]:
        for workload in kinds.get(kind, []):
            template = workload["spec"]["template"]
            selector = workload["spec"]["selector"]["matchLabels"]
            expect(selector.items() <= template["metadata"]["labels"].items(), f"{name}: {kind} selects other pods")
            pod = template["spec"]
            configuration = configurations[workload["metadata"]["name"]]
            ports = {port["name"]: port["containerPort"] for port in pod["containers"][0]["ports"]}
            endpoint = configuration["extensions"]["health_check"]["endpoint"]
            expect(endpoint.endswith(f":{ports['health']}"), f"{name}: {kind} is probed elsewhere")
            text = json.dumps(configuration)
            variables = {entry["name"] for entry in pod["containers"][0].get("env") or []}
            used = set(re.findall(r"\$\{env:(\w+)\}", text))
            expect(used <= variables, f"{name}: {kind} lacks the variables {used - variables}")
            if component == "agent":
                check_agent(name, pod, configuration)
            else:
                check_gateway(name, pod)
    return kinds


for values in sorted(DEPLOY.glob("values/*.yaml")):
    for extra in [[], ["--set", "agent.sysAdmin=true"], ["--set", "agent.profiles=false"]]:
        if values.stem == "store" and "agent.profiles=false" in extra:
            extra = ["--set", "agent.seccompProfile.type=RuntimeDefault"]
        name = " ".join([values.stem, *extra[1:]])
        run = render("-f", values, *extra)
        expect(run.returncode == 0, f"{name}: {run.stderr}")
        kinds = check(name, run.stdout)
        expect("DaemonSet" in kinds, f"{name}: no agent")
        expect(("StatefulSet" in kinds) == (values.stem == "gateway"), f"{name}: gateway")

volumeless = render("-f", DEPLOY / "values/gateway.yaml", "--set", "gateway.queue.size=")
expect("Deployment" in check("gateway without volumes", volumeless.stdout), "gateway without volumes: no Deployment")
chosen = render("-f", DEPLOY / "values/store.yaml", "--set", "agent.processes.exclude[0].namespace=kube-system")
check("processes", chosen.stdout)
expect("- namespace: kube-system" in chosen.stdout, "agent.processes is not passed on")
labelled = render("-f", DEPLOY / "values/store.yaml", "--set", "agent.processes.exclude[0].pod_label.app=load-test")
check("labels of pods", labelled.stdout)
expect(
    re.search(r"kubernetes:\s+node_from_env_var: K8S_NODE_NAME", labelled.stdout),
    "labels of pods are those of the whole cluster")
overlaid = render("-f", DEPLOY / "values/store.yaml", "--set", "agent.configuration.receivers.profiling.samples_per_second=7")
expect("samples_per_second: 7" in overlaid.stdout, "agent.configuration is not laid over")

# What is wrong is said in words.
for arguments, words in [
    (["--set", "destination=elasticsearch"], "elasticsearch.endpoint is needed"),
    (["--set", "destination=otlp"], "otlp.endpoint is needed"),
    (["--set", "destination=kafka"], "destination"),
    (["--set", "agent.sampelsPerSecond=3"], "sampelsPerSecond"),
    (["--set", "gateway.enabled=true"], "a gateway needs destination"),
]:
    run = render(*arguments)
    expect(run.returncode != 0 and words in run.stderr, f"{arguments}: {run.stderr}")
old = render("-f", DEPLOY / "values/store.yaml", version="1.24")
expect(old.returncode != 0 and "kubeVersion" in old.stderr, f"Kubernetes 1.24 is not refused: {old.stderr}")

for name in ["store", "gateway"]:
    text = render("-f", DEPLOY / f"values/{name}.yaml").stdout
    text = re.sub(r"^# Source: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).replace("managed-by: Helm", "managed-by: kubectl")
    header = f"# The chart with values/{name}.yaml; Scripts/chart-test --write makes it anew.\n"
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: profiling\n"
    path = DEPLOY / f"manifests/{name}.yaml"
    if "--write" in sys.argv:
        path.parent.mkdir(exist_ok=True)
        path.write_text(header + namespace + text)
    expect(path.exists() and path.read_text() == header + namespace + text, f"{path} is not what the chart makes")

print("\n".join(problems) or f"chart: renders, fits Kubernetes {', '.join(VERSIONS)}, and its configurations are valid")
sys.exit(1 if problems else 0)
