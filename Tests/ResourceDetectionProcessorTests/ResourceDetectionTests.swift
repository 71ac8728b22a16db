import Collector
import ExporterTestSupport
import Glibc
import LiveSupport
import OTLP
import ProcessorSupport
import Synchronization
import Testing

@testable import ResourceDetectionProcessor

private struct Known: ResourceDetector {
    var attributes: [DetectedAttribute] = []
    var error: CollectorError?

    func detect(timeout: Duration) async throws -> [DetectedAttribute] {
        if let error { throw error }
        return attributes
    }
}

private final class Kept: Consumer {
    let resources = Mutex<[OTLPResource]>([])

    func consume(_ telemetry: Telemetry) async throws {
        if case .logs(let data) = telemetry { resources.withLock { $0 += data.resourceLogs.map(\.resource) } }
    }
}

struct ResourceDetectionTests {
    private let log = LogRecorder()

    private func configuration(
        _ entries: [(String, ConfigurationNode.Value)]
    ) -> (ResourceDetectionConfiguration, [String]) {
        let result = decode(entries) { ResourceDetectionConfiguration($0) }
        return (result.configuration, result.errors)
    }

    private static func list(_ texts: String...) -> ConfigurationNode.Value {
        .list(texts.map { ConfigurationNode(.string($0)) })
    }

    /// What a resource with `own` becomes.
    private func result(
        _ configuration: ResourceDetectionConfiguration, own: [String: String] = [:],
        makeDetector: (DetectorSettings) -> any ResourceDetector
    ) async throws -> [String: String] {
        let detection = Detection(configuration, logger: log.logger, makeDetector: makeDetector)
        let kept = Kept()
        let processor = ResourceDetectionProcessor(
            detection: detection, overrides: configuration.overrides, next: kept)
        try await processor.start(host: EmptyHost())
        var data = OTLPLogsData()
        data.resourceLogs = [.init()]
        data.resourceLogs[0].resource.attributes = own.map { OTLPKeyValue($0.key, .string($0.value)) }
        try await processor.consume(.logs(data))
        try await processor.shutdown()
        let attributes = kept.resources.withLock { $0.first?.attributes ?? [] }
        return attributes.reduce(into: [:]) { $0[$1.key] = $1.value.text }
    }

    @Test func theFirstDetectorDecides() async throws {
        let (configuration, errors) = configuration([("detectors", Self.list("env", "system"))])
        #expect(errors.isEmpty)
        let attributes = try await result(configuration, own: ["a": "own", "d": "own"]) { settings in
            settings.kind == .env
                ? Known(attributes: [DetectedAttribute("a", "1"), DetectedAttribute("b", "1")])
                : Known(attributes: [DetectedAttribute("b", "2"), DetectedAttribute("c", "2")])
        }
        #expect(attributes == ["a": "1", "b": "1", "c": "2", "d": "own"])
    }

    @Test func withoutOverrideAResourceKeepsItsOwn() async throws {
        let (configuration, _) = configuration([("override", .boolean(false))])
        let attributes = try await result(configuration, own: ["a": "own"]) { _ in
            Known(attributes: [DetectedAttribute("a", "1"), DetectedAttribute("b", "1")])
        }
        #expect(attributes == ["a": "own", "b": "1"])
    }

    @Test func attributesAreSwitchedOnAndOff() async throws {
        let enabled = ConfigurationNode.Value.tree([("enabled", .boolean(true))])
        let disabled = ConfigurationNode.Value.tree([("enabled", .boolean(false))])
        let (configuration, errors) = configuration([
            ("detectors", Self.list("system")),
            (
                "system",
                .tree([("resource_attributes", .tree([("host.id", enabled), ("os.type", disabled)]))])
            ),
        ])
        #expect(errors.isEmpty)
        let attributes = try await result(configuration) { _ in
            Known(attributes: [
                DetectedAttribute("host.name", "n"), DetectedAttribute("os.type", "linux"),
                DetectedAttribute("host.id", "i", isOnByDefault: false),
                DetectedAttribute("host.arch", "a", isOnByDefault: false),
            ])
        }
        #expect(attributes == ["host.name": "n", "host.id": "i"])
    }

    /// A cloud that is not there is no error, unless asked for; anything else is.
    @Test func failures() async throws {
        let failing = Known(error: CollectorError("nobody there"))
        let (cloud, _) = configuration([("detectors", Self.list("ec2"))])
        #expect(try await result(cloud, own: ["a": "own"]) { _ in failing } == ["a": "own"])
        let (needed, _) = configuration([
            ("detectors", Self.list("ec2")), ("ec2", .tree([("fail_on_missing_metadata", .boolean(true))])),
        ])
        await #expect(throws: CollectorError.self) { try await result(needed) { _ in failing } }
        let (system, _) = configuration([("detectors", Self.list("system"))])
        await #expect(throws: CollectorError.self) { try await result(system) { _ in failing } }
    }

    @Test func mistakes() {
        #expect(configuration([("detectors", Self.list("nowhere"))]).1.count == 1)
        #expect(configuration([("detectors", Self.list("env")), ("nonsense", .integer(1))]).1.count == 1)
        #expect(configuration([("system", .tree([("hostname_sources", Self.list("x"))]))]).1.count == 1)
    }

    @Test func environment() async throws {
        func detect(_ environment: [String: String]) async throws -> [String] {
            try await EnvironmentDetector(environment: environment).detect(timeout: .seconds(1))
                .map { "\($0.name)=\($0.value.text)" }
        }
        #expect(
            try await detect(["OTEL_RESOURCE_ATTRIBUTES": " a=1 , b = x%20y%2Cz,c=d=e"]) == ["a=1", "b=x y,z", "c=d=e"])
        #expect(try await detect(["OTEL_RESOURCE": "a=1"]) == ["a=1"])
        #expect(try await detect([:]).isEmpty)
        await #expect(throws: CollectorError.self) { try await detect(["OTEL_RESOURCE_ATTRIBUTES": "a"]) }
    }

    /// Against what the machine's own tools say.
    @Test func system() async throws {
        let found = try await SystemDetector(hostNameSources: ["os"]).detect(timeout: .seconds(1))
        var values: [String: String] = [:]
        for attribute in found { values[attribute.name] = attribute.value.text }
        let name = try await Command.run(["uname", "-n"]).filter { !$0.isNewline }
        #expect(values["host.name"] == name)
        #expect(values["os.type"] == "linux")
        let release = try await Command.run(["uname", "-r"]).filter { !$0.isNewline }
        #expect(values["os.description"]?.contains(release) ?? false)
        #expect(found.filter(\.isOnByDefault).map(\.name) == ["host.name", "os.type"])
    }

    // MARK: - Clouds, as their documentation shows their answers

    private static let server = """
        import http.server, json, sys
        answers = json.loads(sys.argv[1])
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                wanted = answers.get(self.command + " " + self.path)
                headers = {} if wanted is None else wanted["headers"]
                right = wanted is not None and all(self.headers.get(k) == v for k, v in headers.items())
                body = wanted["body"].encode() if right else b""
                self.send_response(200 if right else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            do_GET = do_PUT = answer
            def log_message(self, *arguments): pass
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        print(server.server_port, flush=True)
        server.serve_forever()
        """

    private func attributes(
        _ answers: String, of detector: (MetadataService) -> any ResourceDetector
    ) async throws -> [String: String] {
        let child = try ChildProcess(["python3", "-c", Self.server, answers])
        defer { child.send(SIGKILL) }
        let port = try #require(try await onThread { try child.readLine() })
        let found = try await detector(MetadataService(base: "http://127.0.0.1:\(port)")).detect(timeout: .seconds(10))
        return found.reduce(into: [:]) { $0[$1.name] = $1.value.text }
    }

    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func ec2() async throws {
        let answers = """
            {"PUT /latest/api/token": {"headers": {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, "body": "T"},
             "GET /latest/dynamic/instance-identity/document": {"headers": {"X-aws-ec2-metadata-token": "T"}, "body":
              "{\\"accountId\\": \\"123456789012\\", \\"architecture\\": \\"x86_64\\", \\"availabilityZone\\": \\"us-west-2b\\", \\"imageId\\": \\"ami-5fb8c835\\", \\"instanceId\\": \\"i-1234567890abcdef0\\", \\"instanceType\\": \\"t2.micro\\", \\"region\\": \\"us-west-2\\"}"},
             "GET /latest/meta-data/hostname": {"headers": {"X-aws-ec2-metadata-token": "T"}, "body": "ip-10-0-0-1"}}
            """
        let found = try await attributes(answers) { EC2Detector(service: $0) }
        #expect(
            found == [
                "cloud.provider": "aws", "cloud.platform": "aws_ec2", "cloud.region": "us-west-2",
                "cloud.account.id": "123456789012", "cloud.availability_zone": "us-west-2b",
                "host.id": "i-1234567890abcdef0", "host.image.id": "ami-5fb8c835", "host.type": "t2.micro",
                "host.name": "ip-10-0-0-1",
            ])
        let pod = try await attributes(answers) {
            KubernetesDetector(
                cloud: EC2Detector(service: $0), platform: "aws_eks", environment: ["KUBERNETES_SERVICE_HOST": "10.0.0.1"])
        }
        #expect(pod["cloud.platform"] == "aws_eks" && pod["cloud.region"] == "us-west-2" && pod["host.id"] == nil)
    }

    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func gcp() async throws {
        let own = "\"headers\": {\"Metadata-Flavor\": \"Google\"}"
        let root = "GET /computeMetadata/v1"
        let answers = """
            {"\(root)/project/project-id": {\(own), "body": "my-project"},
             "\(root)/instance/zone": {\(own), "body": "projects/123/zones/europe-west1-b"},
             "\(root)/instance/id": {\(own), "body": "4567"},
             "\(root)/instance/name": {\(own), "body": "vm"},
             "\(root)/instance/machine-type": {\(own), "body": "projects/123/machineTypes/n2-standard-4"}}
            """
        #expect(
            try await attributes(answers) { GCPDetector(service: $0) } == [
                "cloud.provider": "gcp", "cloud.platform": "gcp_compute_engine", "cloud.account.id": "my-project",
                "cloud.availability_zone": "europe-west1-b", "cloud.region": "europe-west1", "host.id": "4567",
                "host.name": "vm", "host.type": "n2-standard-4",
            ])
    }

    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func azure() async throws {
        let answers = """
            {"GET /metadata/instance/compute?api-version=2020-09-01&format=json": {"headers": {"Metadata": "true"}, "body":
             "{\\"location\\": \\"westus\\", \\"name\\": \\"vm1\\", \\"vmId\\": \\"02aab8a4\\", \\"vmSize\\": \\"Standard_A3\\", \\"vmScaleSetName\\": \\"\\", \\"subscriptionId\\": \\"8d10da13\\", \\"resourceGroupName\\": \\"group\\", \\"osProfile\\": {\\"computerName\\": \\"host1\\"}}"}}
            """
        #expect(
            try await attributes(answers) { AzureDetector(service: $0) } == [
                "cloud.provider": "azure", "cloud.platform": "azure_vm", "cloud.region": "westus",
                "cloud.account.id": "8d10da13", "host.id": "02aab8a4", "host.name": "host1", "azure.vm.name": "vm1",
                "azure.vm.size": "Standard_A3", "azure.resourcegroup.name": "group",
            ])
    }

    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func aServerOfAnotherKindIsNoCloud() async throws {
        await #expect(throws: CollectorError.self) { _ = try await attributes("{}") { EC2Detector(service: $0) } }
    }
}
