import Collector
import ExporterTestSupport
import Foundation
import KubernetesDouble
import LiveSupport
import OTLP
import ProcessorSupport
import Testing

@testable import K8sAttributesProcessor

/// Against a server that speaks the API, by HTTP.
@Suite(.timeLimit(.minutes(3)))
struct WatchTests {
    private let id = String(repeating: "a", count: 64)

    private func cluster(
        _ entries: [(String, ConfigurationNode.Value)] = [], _ prepare: (KubernetesDouble) throws -> Void = { _ in }
    ) async throws -> (TestCluster, port: Int) {
        let double = try KubernetesDouble()
        try prepare(double)
        let port = try await double.start()
        return (try TestCluster(double, port: port, entries), port)
    }

    private func stop(_ cluster: TestCluster) async throws {
        await cluster.watch.stop()
        try await cluster.double.stop()
    }

    /// Profiles of a list that is longer than a page, each resource by its container.
    @Test func profilesAreEnriched() async throws {
        let count = ResourceWatcher<PodSink>.pageSize * 2 + 10
        let (cluster, _) = try await cluster([("wait_for_metadata", .boolean(true))]) { double in
            for index in 0..<count {
                var pod = TestPod(name: "pod-\(index)", uid: "uid-\(index)", ip: "10.2.\(index / 250).\(index % 250)")
                pod.containers[0].id = "container-\(index)"
                try double.put("pods", pod.json)
            }
        }
        let kept = Kept()
        let processor = K8sAttributesProcessor(watch: cluster.watch, next: kept)
        try await processor.start(host: EmptyHost())
        var profiles = OTLPProfilesData()
        profiles.resourceProfiles = (0..<count).map { index in
            .with { $0.resource = resource(["container.id": "container-\(index)"]) }
        }
        try await processor.consume(.profiles(profiles))
        guard case .profiles(let data)? = kept.batches.withLock({ $0.first }) else {
            Issue.record("no profiles")
            return
        }
        for (index, part) in data.resourceProfiles.enumerated() {
            #expect(part.resource.texts["k8s.pod.name"] == "pod-\(index)")
        }
        let lists = cluster.double.requests.filter { !$0.isWatch }
        #expect(lists.count == 3 && lists.allSatisfy { $0.path == "/api/v1/pods" && $0.query["limit"] == "250" })
        #expect(cluster.metrics.value("otelcol_otelsvc_k8s_pod_table_size") == Double(count))
        try await processor.shutdown()
        try await cluster.double.stop()
    }

    /// All signals share one watch, and the connection's address reaches the rules.
    @Test func signalsShareAWatch() async throws {
        let (cluster, _) = try await cluster([("wait_for_metadata", .boolean(true))]) {
            try $0.put("pods", TestPod().json)
        }
        let kept = Kept()
        let processors = (0..<3).map { _ in K8sAttributesProcessor(watch: cluster.watch, next: kept) }
        for processor in processors { try await processor.start(host: EmptyHost()) }
        let logs = OTLPLogsData.with { $0.resourceLogs = [.init()] }
        let metrics = OTLPMetricsData.with { $0.resourceMetrics = [.init()] }
        var traces = Telemetry(emptyOf: .traces)
        if case .traces(var data) = traces {
            data.resourceSpans = [.init()]
            traces = .traces(data)
        }
        let batches: [Telemetry] = [.logs(logs), .metrics(metrics), traces]
        try await RequestContext.$current.withValue(RequestContext(clientAddress: "10.1.2.3")) {
            for (processor, batch) in zip(processors, batches) { try await processor.consume(batch) }
        }
        var names: [String?] = []
        for batch in kept.batches.withLock({ $0 }) {
            var batch = batch
            batch.updateResources { names.append($0.texts["k8s.pod.name"]) }
        }
        #expect(names == Array(repeating: TestPod().name, count: 3))
        #expect(cluster.double.requests.filter { !$0.isWatch }.count == 1)
        for processor in processors { try await processor.shutdown() }
        try await cluster.double.stop()
    }

    @Test func changesAreFollowed() async throws {
        let (cluster, _) = try await cluster()
        try await cluster.watch.start()
        try await eventually { cluster.double.watcherCount == 1 }
        try cluster.double.put("pods", TestPod().json)
        try await eventually { cluster.isKnown(TestPod().uid) }
        var moved = TestPod()
        moved.containers[0].id = "another"
        try cluster.double.put("pods", moved.json)
        try await eventually { cluster.enriched(["container.id": "another"])["k8s.pod.uid"] == moved.uid }
        cluster.double.delete("pods", namespace: "shop", name: moved.name)
        try await eventually { cluster.metrics.value("otelcol_otelsvc_k8s_pod_deleted") == 1 }
        #expect(cluster.isKnown(moved.uid), "for the grace period")
        cluster.watch.state.purge(now: .now + .seconds(121))
        #expect(!cluster.isKnown(moved.uid))
        try await stop(cluster)
    }

    /// A stream that ends or breaks goes on from where it was, also from a bookmark, without another list.
    @Test(arguments: [true, false])
    func streamsGoOn(isBroken: Bool) async throws {
        let (cluster, _) = try await cluster()
        try await cluster.watch.start()
        try await eventually { cluster.double.watcherCount == 1 }
        try cluster.double.put("nodes", metadataJSON("unseen", uid: "n"))
        cluster.double.sendBookmarks()
        try cluster.double.put("pods", TestPod(name: "first", uid: "first").json)
        try await eventually { cluster.isKnown("first") }
        cluster.double.sendBookmarks()
        if isBroken { cluster.double.breakStreams() } else { cluster.double.endStreams() }
        try cluster.double.put("pods", TestPod(name: "second", uid: "second").json)
        try await eventually { cluster.isKnown("second") }
        let requests = cluster.double.requests
        #expect(requests.filter { !$0.isWatch }.count == 1)
        let versions = requests.filter(\.isWatch).compactMap { $0.query["resourceVersion"].flatMap { Int($0) } }
        #expect(versions.count >= 2 && versions.last == 1002)
        #expect(requests.filter(\.isWatch).allSatisfy { $0.query["allowWatchBookmarks"] == "true" })
        try await stop(cluster)
    }

    /// 410 Gone, as a status or within the stream: list again, and what is not in the list is gone.
    @Test(arguments: [true, false])
    func forgottenVersions(inStream: Bool) async throws {
        let (cluster, _) = try await cluster([("pod_delete_grace_period", .string("0s"))]) { double in
            double.expireInStream(inStream)
            try double.put("pods", TestPod(name: "gone", uid: "gone").json)
        }
        try await cluster.watch.start()
        try await eventually { cluster.double.watcherCount == 1 && cluster.isKnown("gone") }
        // While nobody watches, a pod goes and history is forgotten.
        cluster.double.forbid(["pods"])
        cluster.double.breakStreams()
        try await eventually { cluster.double.watcherCount == 0 }
        cluster.double.delete("pods", namespace: "shop", name: "gone")
        try cluster.double.put("pods", TestPod(name: "new", uid: "new").json)
        cluster.double.compact()
        cluster.double.forbid([])
        try await eventually { cluster.isKnown("new") }
        cluster.watch.state.purge(now: .now + .seconds(1))
        #expect(!cluster.isKnown("gone"))
        #expect(cluster.double.requests.filter { !$0.isWatch }.count >= 2)
        try await stop(cluster)
    }

    /// The place in a list can expire too: the list begins anew.
    @Test func forgottenPlaces() async throws {
        let (cluster, _) = try await cluster { double in
            for index in 0..<300 { try double.put("pods", TestPod(name: "p\(index)", uid: "u\(index)").json) }
        }
        let client = KubernetesClient(
            ClusterAccessSource(configuration: cluster.watch.state.configuration.access), maximumConnections: 4,
            logger: cluster.log.logger)
        let page = try await client.list(PodObject.self, ResourceQuery(.pods), limit: 100, continuing: nil)
        #expect(page.objects.count == 100 && page.metadata.continue != nil)
        cluster.double.compact()
        await #expect(throws: APIFailure.self) {
            try await client.list(PodObject.self, ResourceQuery(.pods), limit: 100, continuing: page.metadata.continue)
        }
        await client.close()
        try await stop(cluster)
    }

    @Test func theServerComesBack() async throws {
        let (cluster, port) = try await cluster { try $0.put("pods", TestPod(name: "a", uid: "a").json) }
        try await cluster.watch.start()
        try await eventually { cluster.double.watcherCount == 1 && cluster.isKnown("a") }
        try await cluster.double.stop()
        try cluster.double.put("pods", TestPod(name: "b", uid: "b").json)
        #expect(cluster.isKnown("a"), "what is known stays known")
        try await eventually { cluster.log.messages.contains("The Kubernetes API failed; trying again") }
        // Meanwhile the port may have become that of somebody's connection.
        for attempt in 1... {
            do {
                try await cluster.double.start(port: port)
                break
            } catch where attempt < 600 {
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        try await eventually { cluster.isKnown("b") }
        try await stop(cluster)
    }

    /// Broken JSON, unknown events, objects of the wrong shape, lines without end.
    @Test func hostileStreams() async throws {
        let (cluster, _) = try await cluster { double in
            try double.put("pods", TestPod().json)
            try double.put("pods", #"{"metadata":{"name":"x","namespace":"shop","uid":"x","labels":5}}"#)
            try double.put("pods", #"{"metadata":{"name":"y","namespace":"shop"},"spec":null,"status":{"podIP":"no"}}"#)
        }
        try await cluster.watch.start()
        try await eventually { cluster.double.watcherCount == 1 && cluster.isKnown(TestPod().uid) }
        #expect(cluster.log.messages.contains("Objects that cannot be read"))
        cluster.double.send(#"{"type":"STRANGE","object":{}}"# + "\n" + #"{"type":"ADDED","object":7}"# + "\n")
        cluster.double.send(#"{"type":"ADDED","object":{"metadata":{"creationTimestamp":null}}}"# + "\n")
        try cluster.double.put("pods", TestPod(name: "next", uid: "next").json)
        try await eventually { cluster.isKnown("next") }
        #expect(cluster.double.requests.filter { !$0.isWatch }.count == 1)
        let piece = String(repeating: "x", count: 1 << 20)
        let endless = Array(repeating: piece, count: 9)
        let nested = String(repeating: "[", count: 100_000) + "\n"
        for (index, texts) in [["this is no JSON\n"], [nested], endless].enumerated() {
            for text in texts { cluster.double.send(text) }
            // Listed again, the stream given up, and another begun.
            try await eventually {
                let requests = cluster.double.requests
                return requests.filter { !$0.isWatch }.count == index + 2
                    && requests.filter(\.isWatch).count == index + 2 && cluster.double.watcherCount == 1
            }
        }
        try await stop(cluster)
    }

    @Test func selectorsAreTheServersWork() async throws {
        let filter = ConfigurationNode.Value.tree([
            ("node", .string("node-1")), ("namespace", .string("shop")),
            ("labels", .items([("key", .string("app")), ("value", .string("web"))])),
        ])
        let (cluster, _) = try await cluster([("filter", filter), ("wait_for_metadata", .boolean(true))]) { double in
            try double.put("pods", TestPod(name: "here", uid: "here").json)
            try double.put("pods", TestPod(name: "elsewhere", uid: "elsewhere", node: "node-2").json)
            try double.put("pods", TestPod(name: "bank", namespace: "bank", uid: "bank").json)
            try double.put("pods", TestPod(name: "plain", uid: "plain", labels: [:]).json)
        }
        try await cluster.watch.start()
        #expect(cluster.isKnown("here"))
        #expect(!cluster.isKnown("elsewhere") && !cluster.isKnown("bank") && !cluster.isKnown("plain"))
        #expect(cluster.double.requests.first?.path == "/api/v1/namespaces/shop/pods")
        // A pod that leaves the selection is told as deleted.
        try await eventually { cluster.double.watcherCount == 1 }
        try cluster.double.put("pods", TestPod(name: "here", uid: "here", labels: [:]).json)
        try await eventually { cluster.metrics.value("otelcol_otelsvc_k8s_pod_deleted") == 1 }
        try await stop(cluster)
    }

    /// Of all but pods only the metadata is asked for.
    @Test func surroundingsAreWatched() async throws {
        let extract = ConfigurationNode.Value.tree([
            ("metadata", .texts("k8s.deployment.uid", "k8s.node.uid", "k8s.cluster.uid")),
            ("labels", .items([("key", .string("team")), ("from", .string("namespace"))])),
        ])
        let (cluster, _) = try await cluster([("extract", extract), ("wait_for_metadata", .boolean(true))]) { double in
            try double.put("pods", TestPod().json)
            try double.put("nodes", metadataJSON("node-1", uid: "n-uid"))
            try double.put("namespaces", metadataJSON("kube-system", uid: "c-uid"))
            try double.put("namespaces", metadataJSON("shop", uid: "ns", labels: #"{"team":"red"}"#))
            try double.put(
                "replicasets",
                metadataJSON("rs", uid: "rs-uid", namespace: "shop", owner: ("Deployment", "web", "d-uid")))
        }
        try await cluster.watch.start()
        let expected = [
            "container.id": id, "k8s.deployment.uid": "d-uid", "k8s.node.uid": "n-uid", "k8s.cluster.uid": "c-uid",
            "k8s.namespace.labels.team": "red",
        ]
        #expect(cluster.enriched(["container.id": id]) == expected)
        try await eventually { cluster.double.watcherCount == 4 }
        for request in cluster.double.requests {
            #expect(request.accept.contains("as=PartialObjectMetadata") == !request.path.hasSuffix("/pods"))
        }
        try cluster.double.put("namespaces", metadataJSON("shop", uid: "ns", labels: #"{"team":"blue"}"#))
        try await eventually { cluster.enriched(["container.id": id])["k8s.namespace.labels.team"] == "blue" }
        cluster.double.delete("namespaces", namespace: "", name: "shop")
        try await eventually { cluster.enriched(["container.id": id])["k8s.namespace.labels.team"] == nil }
        try await stop(cluster)
    }

    @Test func refusals() async throws {
        let (cluster, _) = try await cluster { double in
            double.forbid(["pods"])
            try double.put("pods", TestPod().json)
        }
        try await cluster.watch.start()
        try await eventually { cluster.log.messages.contains("The Kubernetes API refuses; trying again") }
        let refusal = cluster.log.records.first { $0.message.contains("refuses") }?.metadata
        #expect(refusal?["remedy"] == "grant get, list and watch on pods of API group \"\" by a ClusterRole")
        #expect(refusal?["error"]?.contains("no RBAC policy matched") ?? false)
        cluster.double.forbid([])
        try await eventually { cluster.isKnown(TestPod().uid) }
        let faults: [KubernetesDouble.Fault] = [
            .init(status: 429, headers: [("Retry-After", "100")]), .init(status: 503), .init(status: 200, body: "{"),
        ]
        cluster.double.fail(faults)
        cluster.double.compact()
        try await eventually { cluster.double.watcherCount == 1 }
        cluster.double.breakStreams()
        try cluster.double.put("pods", TestPod(name: "later", uid: "later").json)
        try await eventually { cluster.isKnown("later") }
        #expect(cluster.waits.durations.withLock { $0.contains { $0 >= .seconds(100) } })
        try await stop(cluster)
    }

    @Test func metadataIsWaitedForOnlySoLong() async throws {
        let wait: [(String, ConfigurationNode.Value)] = [
            ("wait_for_metadata", .boolean(true)), ("wait_for_metadata_timeout", .string("100ms")),
        ]
        let (cluster, _) = try await cluster(wait) { $0.forbid(["pods"]) }
        let error = await #expect(throws: CollectorError.self) { try await cluster.watch.start() }
        #expect(error?.message.hasPrefix("failed to wait for caches to sync") ?? false)
        try await cluster.double.stop()
    }

    /// Passing telemetry through needs no cluster.
    @Test func passthroughAsksNothing() async throws {
        let (cluster, _) = try await cluster([("passthrough", .boolean(true)), ("wait_for_metadata", .boolean(true))])
        try await cluster.watch.start()
        #expect(cluster.double.requests.isEmpty)
        try await stop(cluster)
    }
}
