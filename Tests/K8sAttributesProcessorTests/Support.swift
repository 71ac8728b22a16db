import Collector
import ExporterTestSupport
import Foundation
import KubernetesDouble
import LiveSupport
import OTLP
import ProcessorSupport
import Synchronization
import Testing

@testable import K8sAttributesProcessor

/// A pod as the API shows it.
struct TestPod {
    var name = "web-5d4f8c7b9-x2x4z"
    var namespace = "shop"
    var uid = "11111111-2222-3333-4444-555555555555"
    var node = "node-1"
    var ip = "10.1.2.3"
    var hostNetwork = false
    var labels: [String: String] = ["pod-template-hash": "5d4f8c7b9", "app": "web"]
    var annotations: [String: String] = [:]
    var owner: (kind: String, name: String, uid: String)? = ("ReplicaSet", "web-5d4f8c7b9", "rs-uid")
    var start = "2026-01-02T03:04:05Z"
    var created = "2026-01-02T03:04:00Z"
    /// Name, image, container id, image id, count of restarts.
    var containers = [
        (
            name: "app", image: "registry.example:5000/shop/web:1.2.3", id: String(repeating: "a", count: 64),
            imageID: "registry.example:5000/shop/web@sha256:0123", restarts: 0
        )
    ]

    var json: String {
        func text(_ map: [String: String]) -> String {
            "{" + map.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",") + "}"
        }
        let owners =
            owner.map {
                "[{\"kind\":\"\($0.kind)\",\"name\":\"\($0.name)\",\"uid\":\"\($0.uid)\",\"controller\":true}]"
            } ?? "[]"
        let specified = containers.map { "{\"name\":\"\($0.name)\",\"image\":\"\($0.image)\"}" }
        let statuses = containers.map {
            "{\"name\":\"\($0.name)\",\"containerID\":\"containerd://\($0.id)\",\"imageID\":\"\($0.imageID)\","
                + "\"restartCount\":\($0.restarts)}"
        }
        return """
            {"kind":"Pod","apiVersion":"v1","metadata":{"name":"\(name)","namespace":"\(namespace)","uid":"\(uid)",
             "creationTimestamp":"\(created)","labels":\(text(labels)),"annotations":\(text(annotations)),
             "ownerReferences":\(owners),"managedFields":[{"manager":"kubelet","fieldsV1":{"f:status":{}}}]},
             "spec":{"nodeName":"\(node)","hostNetwork":\(hostNetwork),
             "containers":[\(specified.joined(separator: ","))]},
             "status":{"phase":"Running","podIP":"\(ip)","podIPs":[{"ip":"\(ip)"}],"startTime":"\(start)",
             "containerStatuses":[\(statuses.joined(separator: ","))]}}
            """
    }

    func object() throws -> PodObject { try JSONDecoder().decode(PodObject.self, from: Data(json.utf8)) }
}

func metadataJSON(
    _ name: String, uid: String, namespace: String? = nil, labels: String = "{}", annotations: String = "{}",
    owner: (kind: String, name: String, uid: String)? = nil
) -> String {
    let place = namespace.map { "\"namespace\":\"\($0)\"," } ?? ""
    let owners =
        owner.map { "[{\"kind\":\"\($0.kind)\",\"name\":\"\($0.name)\",\"uid\":\"\($0.uid)\"}]" } ?? "[]"
    return """
        {"metadata":{"name":"\(name)",\(place)"uid":"\(uid)","labels":\(labels),"annotations":\(annotations),
         "ownerReferences":\(owners)},"spec":{"secret":"not asked for"}}
        """
}

func configuration(
    _ entries: [(String, ConfigurationNode.Value)] = [], environment: [String: String] = [:]
) -> (configuration: K8sAttributesConfiguration, errors: [String], warnings: [String]) {
    decode(entries) { K8sAttributesConfiguration($0, environment: { environment[$0] }) }
}

extension ConfigurationNode.Value {
    static func texts(_ texts: String...) -> Self { .list(texts.map { ConfigurationNode(.string($0)) }) }
    static func items(_ items: [(String, ConfigurationNode.Value)]...) -> Self {
        .list(items.map { ConfigurationNode(.tree($0)) })
    }
}

func resource(_ attributes: [String: String]) -> OTLPResource {
    .with { $0.attributes = attributes.sorted { $0.key < $1.key }.map { OTLPKeyValue($0.key, $0.value) } }
}

extension OTLPResource {
    var texts: [String: String] { attributes.reduce(into: [:]) { $0[$1.key] = $1.value.text } }
}

/// Keeps the batches.
final class Kept: Consumer {
    let batches = Mutex<[Telemetry]>([])
    func consume(_ telemetry: Telemetry) async throws { batches.withLock { $0.append(telemetry) } }
}

/// Waits until something is so; the test's own time limit is the only one.
func eventually(_ condition: () throws -> Bool) async throws {
    while try !condition() { try await Task.sleep(for: .milliseconds(5)) }
}

/// - Returns: the path of a file that leads to a double.
func writeKubeConfig(_ folder: TemporaryFolder, port: Int, user: String = "{}") throws -> String {
    let path = folder.path(of: "config")
    try Data(
        """
        apiVersion: v1
        kind: Config
        current-context: test
        contexts: [{name: test, context: {cluster: double, user: somebody}}]
        clusters: [{name: double, cluster: {server: "http://127.0.0.1:\(port)/"}}]
        users: [{name: somebody, user: \(user)}]
        """.utf8
    ).write(to: URL(fileURLWithPath: path))
    return path
}

final class Waits: Sendable {
    let durations = Mutex<[Duration]>([])
}

/// A watch of a double, without proof of identity.
struct TestCluster {
    let double: KubernetesDouble
    let watch: ClusterWatch
    let log = LogRecorder()
    let metrics = MetricsRegistry()
    /// How long was to be waited between attempts; the test waits less.
    let waits = Waits()
    private let folder: TemporaryFolder

    init(
        _ double: KubernetesDouble, port: Int, _ entries: [(String, ConfigurationNode.Value)] = [],
        user: String = "{}"
    ) throws {
        self.double = double
        folder = try TemporaryFolder()
        let path = try writeKubeConfig(folder, port: port, user: user)
        let (configuration, errors, _) = configuration(
            [
                ("auth_type", .string("kubeConfig")), ("kube_config_path", .string(path)),
                ("kube_api_qps", .integer(10_000)), ("kube_api_burst", .integer(10_000)),
            ] + entries)
        #expect(errors.isEmpty)
        let waits = waits
        watch = ClusterWatch(configuration, metrics: metrics, logger: log.logger) { duration in
            waits.durations.withLock { $0.append(duration) }
            try await Task.sleep(for: min(duration, .milliseconds(20)))
        }
    }

    func enriched(_ attributes: [String: String], from address: String? = nil) -> [String: String] {
        var resource = resource(attributes)
        Enrichment(state: watch.state).enrich(&resource, clientAddress: address)
        return resource.texts
    }

    func isKnown(_ uid: String) -> Bool { enriched(["k8s.pod.uid": uid])["k8s.pod.name"] != nil }
}
