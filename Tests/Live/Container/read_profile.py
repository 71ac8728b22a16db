"""read_profile.py PROFILES PID CONTAINER: the samples of the program `chain` must have its whole call chain, and its process
the container's id."""
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "KernelMatrix"))
import check  # noqa: E402

path, pid, container = sys.argv[1], int(sys.argv[2]), sys.argv[3]
text = open(path).read()
problem = check.check_stacks(list(check.samples(text)))
if problem:
    sys.exit(problem)
for line in text.splitlines():
    for resource in json.loads(line).get("resourceProfiles", []):
        attributes = {entry["key"]: entry["value"] for entry in resource["resource"]["attributes"]}
        if int(attributes["process.pid"]["intValue"]) != pid:
            continue
        found = attributes.get("container.id", {}).get("stringValue")
        if found == container:
            sys.exit(0)
        sys.exit(f"container.id is {found}, not {container}")
sys.exit(f"no resource has process.pid {pid}")
