import ExporterTestSupport
import KubernetesDouble
import LiveSupport
import Testing

@testable import K8sAttributesProcessor

/// Against a server that speaks the API, by HTTP.
@Suite(.timeLimit(.minutes(3)))
struct PodLabelsTests {
    @Test func labelsAreFollowed() async throws {
        let double = try KubernetesDouble()
        var web = TestPod(name: "web", uid: "uid-web", labels: ["app": "web"])
        try double.put("pods", web.json)
        try double.put("pods", TestPod(name: "far", uid: "uid-far", node: "node-2").json)
        // The kubelet's own, whose control group has another uid than the API.
        try double.put(
            "pods",
            TestPod(
                name: "proxy", uid: "uid-proxy", labels: ["tier": "node"],
                annotations: ["kubernetes.io/config.mirror": "0123456789abcdef0123456789abcdef"]
            ).json)
        let port = try await double.start()
        var source = ClusterAccessSource(configuration: ClusterAccessConfiguration())
        let folder = try TemporaryFolder()
        source.configuration.authentication = .kubeConfig
        source.configuration.kubeConfigPath = try writeKubeConfig(folder, port: port)
        let labels = PodLabels(source, node: "node-1", logger: LogRecorder().logger)
        try await labels.start()
        #expect(labels.labels(ofPod: "uid-web") == ["app": "web"])
        #expect(labels.labels(ofPod: "uid-far") == nil)
        #expect(labels.labels(ofPod: "0123456789abcdef0123456789abcdef") == ["tier": "node"])
        // No more is asked for than is needed.
        #expect(double.requests.allSatisfy { $0.accept.contains("PartialObjectMetadata") })
        web.labels["app"] = "shop"
        try double.put("pods", web.json)
        try await eventually { labels.labels(ofPod: "uid-web") == ["app": "shop"] }
        double.delete("pods", namespace: web.namespace, name: "web")
        try await eventually { labels.labels(ofPod: "uid-web") == nil }
        #expect(labels.labels(ofPod: "uid-proxy") == ["tier": "node"])
        await labels.stop()
        try await double.stop()
    }

    @Test func withoutCredentialsItSaysWhatIsMissing() async throws {
        var source = ClusterAccessSource(configuration: ClusterAccessConfiguration())
        source.environment = { _ in nil }
        let labels = PodLabels(source, node: nil, logger: LogRecorder().logger)
        await #expect(throws: (any Error).self) { try await labels.start() }
        await labels.stop()
    }
}
