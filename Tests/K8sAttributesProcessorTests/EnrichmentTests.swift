import Collector
import ExporterTestSupport
import Foundation
import OTLP
import RegularExpressions
import Testing

@testable import K8sAttributesProcessor

struct EnrichmentTests {
    private let id = String(repeating: "a", count: 64)

    private func state(
        _ pods: [TestPod] = [TestPod()], change: (inout K8sAttributesConfiguration) -> Void = { _ in }
    ) throws -> ClusterState {
        var configuration = K8sAttributesConfiguration()
        change(&configuration)
        let state = ClusterState(configuration, metrics: MetricsRegistry(), logger: LogRecorder().logger)
        for pod in pods { state.update(try pod.object(), origin: 0) }
        return state
    }

    private func enriched(
        _ state: ClusterState, _ attributes: [String: String], from address: String? = nil
    ) -> [String: String] {
        var resource = resource(attributes)
        Enrichment(state: state).enrich(&resource, clientAddress: address)
        return resource.texts
    }

    private func add(_ state: ClusterState, _ kind: ResourceKind, _ json: String) throws {
        state.update(try JSONDecoder().decode(MetadataObject.self, from: Data(json.utf8)), kind, origin: 1)
    }

    /// What a profiler's resource becomes with no setting at all.
    @Test func containersAreFoundWithoutAnySetting() throws {
        #expect(
            enriched(try state(), ["container.id": id, "process.pid": "7"]) == [
                "container.id": id, "process.pid": "7", "k8s.namespace.name": "shop",
                "k8s.pod.name": "web-5d4f8c7b9-x2x4z", "k8s.pod.uid": "11111111-2222-3333-4444-555555555555",
                "k8s.pod.start_time": "2026-01-02T03:04:00Z", "k8s.node.name": "node-1", "k8s.deployment.name": "web",
                "container.image.name": "registry.example:5000/shop/web", "container.image.tag": "1.2.3",
            ])
    }

    /// Ids are kept also where no attribute of a container is written.
    @Test func containersAreFoundWithoutAttributesOfTheirs() throws {
        let state = try state { $0.extraction.facts = [.podName] }
        #expect(enriched(state, ["container.id": id])["k8s.pod.name"] == "web-5d4f8c7b9-x2x4z")
    }

    @Test func cgroupsTellThePod() throws {
        let uid = "11111111-2222-3333-4444-555555555555"
        let path = "/kubepods/burstable/pod\(uid)/\(String(repeating: "d", count: 64))"
        #expect(enriched(try state(), ["process.linux.cgroup": path])["k8s.pod.uid"] == uid)
        let known = enriched(try state(), ["process.linux.cgroup": "/x/crio-\(id).scope"])
        #expect(known["k8s.pod.uid"] == uid && known["container.image.tag"] == "1.2.3")
    }

    @Test func everyFact() throws {
        let state = try state { $0.extraction.facts = Set(Extraction.Fact.allCases) }
        let owner = ("Deployment", "web", "d-uid")
        try add(state, .replicasets, metadataJSON("web-5d4f8c7b9", uid: "rs-uid", owner: owner))
        try add(state, .nodes, metadataJSON("node-1", uid: "n-uid"))
        try add(state, .namespaces, metadataJSON("kube-system", uid: "c-uid"))
        let found = enriched(state, ["container.id": id])
        let expected = [
            "k8s.pod.ip": "10.1.2.3", "k8s.replicaset.name": "web-5d4f8c7b9", "k8s.replicaset.uid": "rs-uid",
            "k8s.deployment.name": "web", "k8s.deployment.uid": "d-uid", "k8s.node.uid": "n-uid",
            "k8s.cluster.uid": "c-uid", "k8s.container.name": "app", "container.image.tags": "[\"1.2.3\"]",
            "container.image.repo_digests": "[\"registry.example:5000/shop/web@sha256:0123\"]",
            "service.namespace": "shop", "service.name": "web", "service.version": "1.2.3",
            "service.instance.id": "shop.web-5d4f8c7b9-x2x4z.app",
        ]
        for (name, value) in expected { #expect(found[name] == value, "\(name)") }
        for name in ["k8s.job.name", "k8s.daemonset.uid", "k8s.statefulset.name", "k8s.cronjob.name"] {
            #expect(found[name] == nil)
        }
    }

    @Test(arguments: [
        ("DaemonSet", "k8s.daemonset", "agent", "agent"), ("StatefulSet", "k8s.statefulset", "db", "db"),
        ("Job", "k8s.job", "once", "once"), ("Job", "k8s.job", "backup-29454485", "backup"),
        ("ReplicaSet", "k8s.replicaset", "bare", "bare"),
    ])
    func workloads(kind: String, prefix: String, name: String, service: String) throws {
        var pod = TestPod()
        pod.owner = (kind, name, "o-uid")
        pod.created = "2026-01-01T20:05:03Z"
        let state = try state([pod]) { $0.extraction.facts = Set(Extraction.Fact.allCases) }
        try add(state, .jobs, metadataJSON(name, uid: "o-uid", owner: ("CronJob", "backup", "cj-uid")))
        let found = enriched(state, ["container.id": id])
        #expect(found["\(prefix).name"] == name && found["\(prefix).uid"] == "o-uid")
        #expect(found["service.name"] == service && found["k8s.deployment.name"] == nil)
        #expect(found["k8s.cronjob.name"] == (name.hasPrefix("backup") ? "backup" : nil))
        #expect(found["k8s.cronjob.uid"] == (kind == "Job" ? "cj-uid" : nil))
    }

    @Test func theDeploymentsNameByItsReplicaSet() throws {
        var pod = TestPod()
        pod.owner = ("ReplicaSet", "shortened-5d4f8c7b9", "rs-uid")
        let state = try state([pod]) { $0.extraction.derivesDeploymentName = false }
        #expect(enriched(state, ["container.id": id])["k8s.deployment.name"] == nil)
        try add(state, .replicasets, metadataJSON("s", uid: "rs-uid", owner: ("Deployment", "the-whole-name", "u")))
        #expect(enriched(state, ["container.id": id])["k8s.deployment.name"] == "the-whole-name")
    }

    /// Annotation, instance label, name label, workload, pod: in this order.
    @Test func serviceNames() throws {
        func name(_ change: (inout TestPod) -> Void) throws -> String? {
            var pod = TestPod()
            change(&pod)
            let state = try state([pod]) {
                $0.extraction.facts = [.serviceName]
                $0.extraction.takesOTelAnnotations = true
            }
            return enriched(state, ["container.id": id])["service.name"]
        }
        #expect(
            try name {
                $0.annotations["resource.opentelemetry.io/service.name"] = "annotated"
                $0.labels["app.kubernetes.io/instance"] = "instance"
            } == "annotated")
        #expect(
            try name {
                $0.labels["app.kubernetes.io/instance"] = "instance"
                $0.labels["app.kubernetes.io/name"] = "name"
            } == "instance")
        #expect(try name { $0.labels["app.kubernetes.io/name"] = "name" } == "name")
        #expect(try name { _ in } == "web")
        #expect(try name { $0.owner = nil } == "web-5d4f8c7b9-x2x4z")
    }

    @Test func serviceVersions() throws {
        func version(_ image: String, label: String? = nil) throws -> String? {
            var pod = TestPod()
            pod.containers[0].image = image
            pod.labels["app.kubernetes.io/version"] = label
            return enriched(try state([pod]) { $0.extraction.facts = [.serviceVersion] }, ["container.id": id])[
                "service.version"]
        }
        #expect(try version("a:1", label: "2") == "2")
        #expect(try version("a:1") == "1")
        #expect(try version("a:1@sha256:0f") == "1@sha256:0f")
        #expect(try version("a") == nil)
    }

    @Test func annotationsBecomeAttributes() throws {
        var pod = TestPod()
        pod.annotations = [
            "resource.opentelemetry.io/service.namespace": "ours", "resource.opentelemetry.io/": "nothing",
            "team": "a",
        ]
        let state = try state([pod]) {
            $0.extraction.takesOTelAnnotations = true
            $0.extraction.facts = [.serviceNamespace]
            $0.extraction.annotations = [FieldRule(.pod, .annotations, .exactly("team"))]
        }
        #expect(
            enriched(state, ["container.id": id]) == [
                "container.id": id, "service.namespace": "ours", "k8s.pod.annotations.team": "a",
            ])
    }

    /// A resource's own values stay, except that empty ones are filled.
    @Test func nothingIsOverwritten() throws {
        let found = enriched(
            try state(), ["container.id": id, "k8s.pod.name": "mine", "k8s.node.name": "", "k8s.namespace.name": "own"])
        #expect(found["k8s.pod.name"] == "mine" && found["k8s.namespace.name"] == "own")
        #expect(found["k8s.node.name"] == "node-1")
        var numeric = resource(["container.id": id])
        numeric.attributes.append(OTLPKeyValue("k8s.pod.name", 5))
        Enrichment(state: try state()).enrich(&numeric, clientAddress: nil)
        #expect(numeric.texts["k8s.pod.name"] == "5")
    }

    // MARK: - Association

    /// An identifier that no pod has leaves the resource to the next rule.
    @Test func rulesAreTriedInOrder() throws {
        var other = TestPod(name: "other", uid: "other", ip: "10.9.9.9")
        other.containers = []
        let state = try state([TestPod(), other])
        #expect(enriched(state, ["container.id": "unknown", "k8s.pod.uid": "other"])["k8s.pod.name"] == "other")
        #expect(
            enriched(state, ["container.id": id, "k8s.node.name": ""], from: "10.9.9.9")["k8s.pod.name"]
                == TestPod().name)
        #expect(enriched(state, ["container.id": "unknown"]) == ["container.id": "unknown"])
        #expect(state.read { $0.pods.count } == 2)
    }

    @Test func addresses() throws {
        var host = TestPod(name: "host", uid: "host", ip: "192.168.0.1")
        host.hostNetwork = true
        host.containers = []
        let state = try state([TestPod(), host])
        let byConnection = enriched(state, [:], from: "10.1.2.3")
        #expect(byConnection["k8s.pod.uid"] == TestPod().uid && byConnection["k8s.pod.ip"] == "10.1.2.3")
        #expect(byConnection["container.image.tag"] == "1.2.3", "the only container")
        #expect(enriched(state, ["k8s.pod.ip": "::ffff:10.1.2.3"])["k8s.pod.uid"] == TestPod().uid)
        #expect(enriched(state, ["ip": "10.1.2.3"])["k8s.pod.uid"] == TestPod().uid)
        #expect(enriched(state, ["host.name": "10.1.2.3"])["k8s.pod.uid"] == TestPod().uid)
        #expect(enriched(state, ["host.name": "node-1"]) == ["host.name": "node-1"])
        #expect(enriched(state, [:], from: "192.168.0.1").isEmpty)
    }

    @Test func allSourcesMustHold() throws {
        let state = try state {
            $0.associations = [PodAssociation(.attribute("k8s.pod.name"), .attribute("k8s.namespace.name"))]
        }
        let name = TestPod().name
        #expect(enriched(state, ["k8s.pod.name": name, "k8s.namespace.name": "shop"])["k8s.node.name"] == "node-1")
        #expect(enriched(state, ["k8s.pod.name": name, "k8s.namespace.name": "bank"])["k8s.node.name"] == nil)
        #expect(enriched(state, ["k8s.pod.name": name])["k8s.node.name"] == nil)
        #expect(enriched(state, ["container.id": id])["k8s.node.name"] == nil, "the rules are what is written")
    }

    @Test func excludedPods() throws {
        let uid = TestPod().uid
        #expect(enriched(try state([TestPod(name: "a-jaeger-agent-b")]), ["k8s.pod.uid": uid]).count == 1)
        var pod = TestPod()
        pod.annotations["opentelemetry.io/k8s-processor.ignore"] = " True "
        #expect(enriched(try state([pod]), ["k8s.pod.uid": uid]).count == 1)
        pod.annotations["opentelemetry.io/k8s-processor.ignore"] = "false"
        #expect(enriched(try state([pod]), ["k8s.pod.uid": uid]).count > 1)
    }

    // MARK: - Containers

    @Test func containersOfSeveral() throws {
        var pod = TestPod()
        pod.containers.append(("side", "side:2", String(repeating: "b", count: 64), "", 3))
        let state = try state([pod]) { $0.extraction.facts = [.containerName, .containerID, .imageTag] }
        let uid = pod.uid
        #expect(enriched(state, ["container.id": pod.containers[1].id])["k8s.container.name"] == "side")
        #expect(enriched(state, ["k8s.pod.uid": uid]) == ["k8s.pod.uid": uid])
        let named = enriched(state, ["k8s.pod.uid": uid, "k8s.container.name": "side"])
        #expect(named["container.id"] == pod.containers[1].id && named["container.image.tag"] == "2")
        let counted = ["k8s.pod.uid": uid, "k8s.container.name": "side", "k8s.container.restart_count": "3"]
        #expect(enriched(state, counted)["container.id"] == pod.containers[1].id)
        let other = ["k8s.pod.uid": uid, "k8s.container.name": "side", "k8s.container.restart_count": "2"]
        #expect(enriched(state, other)["container.id"] == nil)
        #expect(enriched(state, ["k8s.pod.uid": uid, "k8s.container.name": "none"])["container.image.tag"] == nil)
    }

    /// Init and ephemeral containers, and the start before the last.
    @Test func allKindsOfContainers() throws {
        let text = """
            {"metadata":{"name":"p","namespace":"n","uid":"u"},
             "spec":{"containers":[{"name":"a","image":"a:1"}],"initContainers":[{"name":"i","image":"i:1"}],
                     "ephemeralContainers":[{"name":"e","image":"e:1"}]},
             "status":{"containerStatuses":[{"name":"a","containerID":"c://a2","restartCount":5,
                         "lastState":{"terminated":{"containerID":"c://a1"}}}],
                       "initContainerStatuses":[{"name":"i","containerID":"c://i1"}],
                       "ephemeralContainerStatuses":[{"name":"e","containerID":"c://e1"}]}}
            """
        let state = try state([]) { $0.extraction.facts = [.containerName, .containerID] }
        state.update(try JSONDecoder().decode(PodObject.self, from: Data(text.utf8)), origin: 0)
        for (id, name) in ["a2": "a", "a1": "a", "i1": "i", "e1": "e"] {
            #expect(enriched(state, ["container.id": id])["k8s.container.name"] == name)
        }
        let previous = ["k8s.pod.uid": "u", "k8s.container.name": "a", "k8s.container.restart_count": "4"]
        #expect(enriched(state, previous)["container.id"] == "a1")
        #expect(enriched(state, ["k8s.pod.uid": "u"])["container.id"] == "a2")
    }

    // MARK: - Surroundings

    @Test func labelsOfWhatThePodIsIn() throws {
        let kinds: [(FieldRule.Object, ResourceKind, String, String)] = [
            (.namespace, .namespaces, "shop", "ns"), (.node, .nodes, "node-1", "no"),
            (.deployment, .deployments, "web", "d-uid"), (.statefulset, .statefulsets, "s", "s-uid"),
            (.daemonset, .daemonsets, "d", "ds-uid"), (.job, .jobs, "j", "j-uid"),
        ]
        let state = try state {
            $0.extraction.facts = []
            $0.extraction.labels = kinds.map { FieldRule($0.0, .labels, .exactly("team")) }
            $0.extraction.annotations = [FieldRule(.namespace, .annotations, .exactly("cost"), tagName: "cost")]
        }
        for (object, kind, name, uid) in kinds {
            try add(
                state, kind,
                metadataJSON(
                    name, uid: uid, labels: "{\"team\":\"\(object)\"}", annotations: "{\"cost\":\"7\"}"))
        }
        try add(state, .replicasets, metadataJSON("rs", uid: "rs-uid", owner: ("Deployment", "web", "d-uid")))
        #expect(
            enriched(state, ["container.id": id]) == [
                "container.id": id, "cost": "7", "k8s.namespace.labels.team": "namespace",
                "k8s.node.labels.team": "node", "k8s.deployment.labels.team": "deployment",
            ])
        // Without a pod, what the resource says of itself.
        let own = [
            "k8s.namespace.name": "shop", "k8s.statefulset.uid": "s-uid", "k8s.daemonset.uid": "ds-uid",
            "k8s.job.uid": "j-uid",
        ]
        let found = enriched(state, own)
        for name in ["namespace", "statefulset", "daemonset", "job"] {
            #expect(found["k8s.\(name).labels.team"] == name)
        }
        #expect(found["k8s.node.labels.team"] == nil)
    }

    @Test func passthrough() throws {
        let state = try state { $0.isPassthrough = true }
        let passed = enriched(state, ["container.id": id], from: "10.1.2.3")
        #expect(passed == ["container.id": id, "k8s.pod.ip": "10.1.2.3"])
        #expect(enriched(state, ["k8s.pod.ip": "10.0.0.1"], from: "10.1.2.3") == ["k8s.pod.ip": "10.0.0.1"])
        #expect(enriched(state, ["container.id": id]) == ["container.id": id])
    }

    /// Rules give a bounded number of attributes of bounded size.
    @Test func hostileLabels() throws {
        var pod = TestPod()
        for index in 0..<1000 { pod.annotations["k\(1000 + index)"] = "v" }
        pod.annotations["k0"] = String(repeating: "x", count: 70_000)
        let all = try RegularExpression("^(?:.*)$")
        let state = try state([pod]) {
            $0.extraction.facts = []
            $0.extraction.annotations = [FieldRule(.pod, .annotations, .pattern(all))]
        }
        let found = enriched(state, ["container.id": id])
        #expect(found.count == 1 + Extraction.maximumFieldAttributes && found["k8s.pod.annotations.k0"] == nil)
    }
}
