"""The official client of Elasticsearch as a witness: sends documents of bulk requests once more.

    elasticsearch_client.py URL FILE     FILE: one bulk request after the other, as they were sent

Prints what the client understood: {"created": N, "conflicts": N, "errors": [...]}.
"""

import json
import sys

from elasticsearch import Elasticsearch


def main():
    url, path = sys.argv[1:]
    client = Elasticsearch(url)
    assert client.info()["tagline"] == "You Know, for Search"
    with open(path, encoding="utf-8") as file:
        operations = [json.loads(line) for line in file]
    created = conflicts = 0
    errors = []
    for item in client.bulk(operations=operations)["items"]:
        result = next(iter(item.values()))
        if result["status"] in (200, 201):
            created += 1
        elif result["status"] == 409:
            conflicts += 1
        else:
            errors.append(result["error"])
    print(json.dumps({"created": created, "conflicts": conflicts, "errors": errors}))


if __name__ == "__main__":
    main()
