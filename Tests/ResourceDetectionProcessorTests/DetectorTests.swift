import Collector
import ExporterTestSupport
import Foundation
import K8sAttributesProcessor
import LiveSupport
import OTLP
import RegularExpressions
import Testing

@testable import ResourceDetectionProcessor

/// Detectors against doubles that answer as the services' documents show.
struct DetectorTests {
    /// Answers requests from a map of `METHOD path` to bodies, on a port or, with a path as second argument, on a
    /// socket.
    private static let server = """
        import http.server, json, socketserver, sys
        answers = json.loads(sys.argv[1])
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                body = answers.get(self.command + " " + self.path)
                data = (body or "").encode()
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            do_GET = do_PUT = answer
            def address_string(self): return "peer"
            def log_message(self, *arguments): pass
        if len(sys.argv) > 2:
            server = socketserver.UnixStreamServer(sys.argv[2], Handler)
            print("ready", flush=True)
        else:
            server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
            print(server.server_port, flush=True)
        server.serve_forever()
        """

    /// - Parameter body: Is given the port.
    private func served<Result: Sendable>(
        _ answers: [String: String], _ body: (String) async throws -> Result
    ) async throws -> Result {
        let text = String(decoding: try JSONEncoder().encode(answers), as: UTF8.self)
        let child = try ChildProcess(["python3", "-c", Self.server, text])
        defer { child.send(SIGKILL) }
        let port = try #require(try await onThread { try child.readLine() })
        return try await body(port)
    }

    private func texts(_ attributes: [DetectedAttribute]) -> [String: String] {
        attributes.reduce(into: [:]) { $0[$1.name] = $1.value.text }
    }

    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func dockerBySocket() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "docker.sock")
        let answers = #"{"GET /info": "{\"Name\": \"my-host\", \"OSType\": \"linux\", \"NCPU\": 2}"}"#
        let child = try ChildProcess(["python3", "-c", Self.server, answers, path])
        defer { child.send(SIGKILL) }
        _ = try #require(try await onThread { try child.readLine() })
        let detector = DockerDetector(service: MetadataService(base: DockerDetector.base("unix://\(path)")))
        #expect(texts(try await detector.detect(timeout: .seconds(10))) == ["host.name": "my-host", "os.type": "linux"])
    }

    @Test func dockerIsNotThere() async throws {
        let nowhere = DockerDetector.base("unix:///nowhere/docker.sock")
        let detector = DockerDetector(service: MetadataService(base: nowhere))
        let error = await #expect(throws: CollectorError.self) { try await detector.detect(timeout: .seconds(2)) }
        #expect(error?.message.hasPrefix("Docker's daemon does not answer at http+unix://") == true)
        #expect(DockerDetector.base(nil) == "http+unix://%2Fvar%2Frun%2Fdocker%2Esock")
        #expect(DockerDetector.base("tcp://127.0.0.1:2375") == "http://127.0.0.1:2375")
    }

    /// The example of the developer guide.
    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func ecs() async throws {
        let task = """
            {"Cluster": "default", "TaskARN": "arn:aws:ecs:us-west-2:111122223333:task/default/158d1c8083dd49d6",
             "Family": "curltest", "Revision": "26", "AvailabilityZone": "us-west-2d", "LaunchType": "EC2"}
            """
        let container = #"{"ContainerARN": "arn:aws:ecs:us-west-2:111122223333:container/0206b271"}"#
        let found = try await served(["GET /v4/x/task": task, "GET /v4/x": container]) { port in
            try await ECSDetector(base: "http://127.0.0.1:\(port)/v4/x").detect(timeout: .seconds(10))
        }
        #expect(
            texts(found) == [
                "cloud.provider": "aws", "cloud.platform": "aws_ecs", "cloud.account.id": "111122223333",
                "cloud.region": "us-west-2", "cloud.availability_zone": "us-west-2d",
                "aws.ecs.cluster.arn": "arn:aws:ecs:us-west-2:111122223333:cluster/default",
                "aws.ecs.task.arn": "arn:aws:ecs:us-west-2:111122223333:task/default/158d1c8083dd49d6",
                "aws.ecs.task.family": "curltest", "aws.ecs.task.revision": "26", "aws.ecs.launchtype": "ec2",
                "aws.ecs.container.arn": "arn:aws:ecs:us-west-2:111122223333:container/0206b271",
            ])
        await #expect(throws: CollectorError.self) {
            try await ECSDetector(base: nil).detect(timeout: .seconds(1))
        }
    }

    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func tagsOfInstances() async throws {
        let root = "/latest/meta-data/tags/instance"
        let answers = [
            "PUT /latest/api/token": "T",
            "GET /latest/dynamic/instance-identity/document": #"{"instanceId": "i-1"}"#,
            "GET \(root)": "Name\nteam\nsecret", "GET \(root)/Name": "web 1", "GET \(root)/team": "shop",
        ]
        let found = try await served(answers) { port in
            let tags = [try RegularExpression("^(Name|team)$")]
            return try await EC2Detector(
                service: MetadataService(base: "http://127.0.0.1:\(port)"), tags: tags
            ).detect(timeout: .seconds(10))
        }
        let tags = texts(found).filter { $0.key.hasPrefix("ec2.tag.") }
        #expect(tags == ["ec2.tag.Name": "web 1", "ec2.tag.team": "shop"])
    }

    @Test(.enabled(if: try Live.has(.tool("python3"))))
    func node() async throws {
        let object = #"{"kind": "Node", "metadata": {"name": "worker-1", "uid": "6a1d"}, "spec": {}}"#
        try await served(["GET /api/v1/nodes/worker-1": object]) { port in
            let folder = try TemporaryFolder()
            let path = folder.path(of: "kubeconfig")
            let file = """
                {apiVersion: v1, kind: Config, current-context: c, users: [{name: u, user: {token: t}}],
                 contexts: [{name: c, context: {cluster: k, user: u}}],
                 clusters: [{name: k, cluster: {server: "http://127.0.0.1:\(port)"}}]}
                """
            try Data(file.utf8).write(to: URL(fileURLWithPath: path))
            let (lookup, errors, _) = decode(
                [("auth_type", .string("kubeConfig")), ("kube_config_path", .string(path))]
            ) { KubernetesNodeLookup($0) }
            #expect(errors == [])
            func detect(_ environment: [String: String]) async throws -> [String: String] {
                texts(
                    try await KubernetesNodeDetector(
                        variable: "K8S_NODE_NAME", lookup: lookup, environment: environment
                    ).detect(timeout: .seconds(10)))
            }
            #expect(
                try await detect(["K8S_NODE_NAME": "worker-1"])
                    == ["k8s.node.name": "worker-1", "k8s.node.uid": "6a1d"])
            await #expect(throws: (any Error).self) { try await detect(["K8S_NODE_NAME": "worker-2"]) }
            let error = await #expect(throws: CollectorError.self) { try await detect([:]) }
            #expect(error?.message.contains("K8S_NODE_NAME, which names the node, is not set") == true)
        }
    }

    @Test func heroku() async throws {
        let found = try await HerokuDetector(environment: [
            "HEROKU_DYNO_ID": "d", "HEROKU_APP_ID": "a", "HEROKU_APP_NAME": "shop", "HEROKU_RELEASE_VERSION": "v9",
            "HEROKU_SLUG_COMMIT": "",
        ]).detect(timeout: .seconds(1))
        #expect(
            texts(found) == [
                "cloud.provider": "heroku", "service.instance.id": "d", "heroku.app.id": "a", "service.name": "shop",
                "service.version": "v9",
            ])
        #expect(try await HerokuDetector(environment: [:]).detect(timeout: .seconds(1)).isEmpty)
    }

    @Test func dynatrace() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path(of: "dt_host_metadata.properties")
        try Data("dt.entity.host=HOST-1\nhost.name = box \nother=1\nbroken\n".utf8)
            .write(to: URL(fileURLWithPath: path))
        let found = try await DynatraceDetector(path: path).detect(timeout: .seconds(1))
        #expect(texts(found) == ["dt.entity.host": "HOST-1", "host.name": "box"])
        #expect(try await DynatraceDetector(path: "/nowhere").detect(timeout: .seconds(1)).isEmpty)
    }

    @Test func processors() {
        let intel = """
            processor\t: 0
            vendor_id\t: GenuineIntel
            cpu family\t: 6
            model\t\t: 85
            model name\t: Intel(R) Xeon(R) Platinum
            stepping\t: 7
            cache size\t: 36608 KB
            power management:

            processor\t: 1
            vendor_id\t: Other
            """
        let found = ProcessorInformation.parse(intel)
        #expect(
            texts(found) == [
                "host.cpu.vendor.id": "GenuineIntel", "host.cpu.family": "6", "host.cpu.model.id": "85",
                "host.cpu.model.name": "Intel(R) Xeon(R) Platinum", "host.cpu.stepping": "7",
                "host.cpu.cache.l2.size": "\(36608 * 1024)",
            ])
        #expect(found.allSatisfy { !$0.isOnByDefault })
        let arm = texts(ProcessorInformation.parse("CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n"))
        #expect(arm == ["host.cpu.vendor.id": "0x41", "host.cpu.model.id": "0xd0c"])
        #expect(ProcessorInformation.parse("cache size : 99999999999999999999 KB\n").isEmpty)
    }

    @Test func keys() {
        let names = DetectorKind.allCases.map(\.rawValue) + ["k8snode"]
        for name in names {
            let (configuration, errors, _) = decode([
                ("detectors", .list([ConfigurationNode(.string(name))])),
                (name, .tree([("resource_attributes", .tree([("a", .tree([("enabled", .boolean(false))]))]))])),
            ]) { ResourceDetectionConfiguration($0) }
            #expect(errors == [], "\(name)")
            #expect(configuration.detectors.map(\.kind) == [DetectorKind(name: name)])
            #expect(configuration.detectors.first?.enabled == ["a": false])
        }
        let (node, errors, _) = decode([
            ("detectors", .list([ConfigurationNode(.string("k8s_api"))])),
            ("k8s_api", .tree([("node_from_env_var", .string("NODE")), ("auth_type", .string("none"))])),
        ]) { ResourceDetectionConfiguration($0) }
        #expect(errors == [] && node.detectors.first?.nodeVariable == "NODE")
        let wrong = decode([("ec2", .tree([("tags", .list([ConfigurationNode(.string("("))]))]))]) {
            ResourceDetectionConfiguration($0)
        }
        #expect(wrong.errors.count == 1 && wrong.errors.first?.hasPrefix("x::ec2::tags") == true)
    }
}
