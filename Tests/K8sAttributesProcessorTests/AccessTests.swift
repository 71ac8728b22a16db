import Collector
import ExporterTestSupport
import Foundation
import KubernetesDouble
import LiveSupport
import Synchronization
import Testing

@testable import K8sAttributesProcessor

@Suite(.timeLimit(.minutes(3)))
struct AccessTests {
    private let log = LogRecorder()

    private func write(_ text: String, _ path: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    }

    private func source(
        _ authentication: ClusterAccessConfiguration.Authentication, folder: String = "/none",
        environment: [String: String] = [:], _ change: (inout ClusterAccessConfiguration) -> Void = { _ in }
    ) -> ClusterAccessSource {
        var configuration = ClusterAccessConfiguration()
        configuration.authentication = authentication
        configuration.requestsPerSecond = 10_000
        change(&configuration)
        return ClusterAccessSource(
            configuration: configuration, environment: { environment[$0] }, serviceAccountFolder: folder)
    }

    private func client(_ source: ClusterAccessSource) -> KubernetesClient {
        KubernetesClient(source, maximumConnections: 4, logger: log.logger)
    }

    // MARK: - Service account

    @Test func inClusterSettings() throws {
        let folder = try TemporaryFolder()
        try write("T\n", folder.path(of: "token"))
        try write("CA", folder.path(of: "ca.crt"))
        let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        let access = try source(.serviceAccount, folder: folder.path, environment: environment).read()
        #expect(access.server == "https://[fd00::1]:443" && access.authorization?.value == "Bearer T")
        #expect(access.authority == Array("CA".utf8) && !access.skipsVerification)
        let open = try source(.none, environment: environment).read()
        #expect(open.authorization == nil && open.skipsVerification && open.authority == nil)
        func message(_ source: ClusterAccessSource) -> String {
            do { return "\(try source.read())" } catch { return "\(error)" }
        }
        #expect(
            message(source(.serviceAccount)).hasPrefix(
                "unable to load k8s config, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined"))
        #expect(
            message(source(.serviceAccount, environment: environment))
                == "cannot read the service account token /none/token")
        try write("", folder.path(of: "token"))
        #expect(
            message(source(.serviceAccount, folder: folder.path, environment: environment)).hasSuffix("token is empty"))
    }

    /// A token that is replaced is read again once the old one is refused; the server is known by its authority.
    @Test(.enabled(if: try TestAuthority.isAvailable()))
    func tokensRotate() async throws {
        let (authority, folder) = (try await TestAuthority(), try TemporaryFolder())
        let double = try KubernetesDouble(certificate: authority.certificate, key: authority.key)
        let port = try await double.start()
        try FileManager.default.copyItem(atPath: authority.authority, toPath: folder.path(of: "ca.crt"))
        try write("first", folder.path(of: "token"))
        double.require(token: "first")
        try double.put("pods", TestPod().json)
        let environment = ["KUBERNETES_SERVICE_HOST": "localhost", "KUBERNETES_SERVICE_PORT": "\(port)"]
        var configuration = K8sAttributesConfiguration()
        configuration.waitsForMetadata = true
        configuration.waitTimeout = .seconds(60)
        let watch = ClusterWatch(
            configuration, metrics: MetricsRegistry(), logger: log.logger,
            source: source(.serviceAccount, folder: folder.path, environment: environment))
        try await watch.start()
        #expect(watch.state.podCount == 1)
        try await eventually { double.watcherCount == 1 }
        double.require(token: "second")
        double.breakStreams()
        try await eventually { double.requests.contains { $0.status == 401 } }
        try write("second", folder.path(of: "token"))
        try await eventually { double.requests.contains { $0.isWatch && $0.authorization == "Bearer second" } }
        await watch.stop()
        try await double.stop()
    }

    @Test(.enabled(if: try TestAuthority.isAvailable()))
    func otherAuthoritiesAreNotTrusted() async throws {
        let (authority, other, folder) = (try await TestAuthority(), try await TestAuthority(), try TemporaryFolder())
        let double = try KubernetesDouble(certificate: authority.certificate, key: authority.key)
        let port = try await double.start()
        try FileManager.default.copyItem(atPath: other.authority, toPath: folder.path(of: "ca.crt"))
        try write("T", folder.path(of: "token"))
        let environment = ["KUBERNETES_SERVICE_HOST": "localhost", "KUBERNETES_SERVICE_PORT": "\(port)"]
        let distrusting = client(source(.serviceAccount, folder: folder.path, environment: environment))
        await #expect(throws: (any Error).self) {
            try await distrusting.list(PodObject.self, ResourceQuery(.pods), limit: 1, continuing: nil)
        }
        #expect(double.requests.isEmpty)
        // An authority that is exchanged is used without a restart.
        try FileManager.default.removeItem(atPath: folder.path(of: "ca.crt"))
        try FileManager.default.copyItem(atPath: authority.authority, toPath: folder.path(of: "ca.crt"))
        await distrusting.forgetCredentials()
        _ = try await distrusting.list(PodObject.self, ResourceQuery(.pods), limit: 1, continuing: nil)
        #expect(double.requests.count == 1)
        await distrusting.close()
        // Without authentication nothing is verified, and no token is sent.
        let open = client(source(.none, environment: environment))
        _ = try await open.list(PodObject.self, ResourceQuery(.pods), limit: 1, continuing: nil)
        #expect(double.requests.last?.authorization == nil)
        await open.close()
        try await double.stop()
    }

    // MARK: - kubeconfig

    private let file = """
        apiVersion: v1
        kind: Config
        preferences: {}
        current-context: one
        contexts:
        - {name: one, context: {cluster: plain, user: token, namespace: ignored}}
        - {name: two, context: {cluster: secure, user: certificate}}
        - {name: three, context: {cluster: secure, user: password}}
        - {name: four, context: {cluster: secure, user: program}}
        - {name: five, context: {cluster: none, user: token}}
        - {name: six, context: {cluster: secure, user: none}}
        - {name: seven, context: {cluster: plain, user: file}}
        - {name: eight, context: {cluster: strange, user: token}}
        - {name: nine, context: {cluster: plain, user: half}}
        clusters:
        - {name: plain, cluster: {server: "http://127.0.0.1:8001/"}}
        - name: secure
          cluster:
            server: https://10.0.0.1:6443
            certificate-authority: ca.pem
            tls-server-name: kubernetes
            insecure-skip-tls-verify: true
        - {name: strange, cluster: {server: "ftp://x"}}
        users:
        - {name: token, user: {token: secret}}
        - {name: certificate, user: {client-certificate-data: Q0VSVA==, client-key-data: S0VZ}}
        - {name: password, user: {username: a, password: b}}
        - {name: program, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: aws, args: [eks]}}}
        - {name: file, user: {tokenFile: token.txt, token: other}}
        - {name: half, user: {client-key-data: S0VZ}}
        """

    @Test func kubeConfigs() throws {
        let folder = try TemporaryFolder()
        try write(file, folder.path(of: "config"))
        try write("CA", folder.path(of: "ca.pem"))
        try write("from-file\n", folder.path(of: "token.txt"))
        func read(_ context: String?) throws -> ClusterAccess {
            try source(.kubeConfig) {
                $0.kubeConfigPath = folder.path(of: "config")
                $0.context = context
            }.read()
        }
        func message(_ context: String?) -> String {
            do { return "\(try read(context))" } catch { return "\(error)" }
        }
        let one = try read(nil)
        #expect(one.server == "http://127.0.0.1:8001" && one.authorization?.value == "Bearer secret")
        let two = try read("two")
        #expect(two.authority == Array("CA".utf8) && two.skipsVerification && two.serverName == "kubernetes")
        #expect(two.requestBase == "https://kubernetes:6443")
        #expect(two.clientCertificate == .init(chain: Array("CERT".utf8), key: Array("KEY".utf8)))
        // RFC 7617's form: base64 of a:b.
        #expect(try read("three").authorization?.value == "Basic YTpi")
        #expect(try read("seven").authorization?.value == "Bearer from-file")
        #expect(message("four").contains("user \"program\" gets its credentials from a program"))
        #expect(message("five").contains("cluster \"none\" does not exist"))
        #expect(message("six").contains("user \"none\" does not exist"))
        #expect(message("eight").contains("no server that begins with https:// or http://"))
        #expect(message("nine").contains("a client certificate or key without the other"))
        #expect(message("ten").contains("error connecting to k8s with auth_type=kubeConfig"))
        #expect(message("ten").contains("context \"ten\" does not exist"))
        try write("clusters: 5", folder.path(of: "config"))
        #expect(message(nil).contains("not of the expected form") && !message(nil).contains("secret"))
    }

    @Test func kubeConfigPaths() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path(of: ".kube"), withIntermediateDirectories: false)
        try write(file, folder.path(of: ".kube/config"))
        func server(_ environment: [String: String], _ path: String? = nil) throws -> String {
            try source(.kubeConfig, environment: environment) { $0.kubeConfigPath = path }.read().server
        }
        #expect(try server(["HOME": folder.path]) == "http://127.0.0.1:8001")
        #expect(try server(["KUBECONFIG": "/none/x:\(folder.path(of: ".kube/config"))"]) == "http://127.0.0.1:8001")
        #expect(try server(["HOME": folder.path], "~/.kube/config") == "http://127.0.0.1:8001")
        #expect(throws: CollectorError.self) { try server(["HOME": "/none"]) }
    }

    @Test func tokensAreNotPrinted() throws {
        var access = ClusterAccess(server: "https://x")
        access.authorization = OpaqueString("Bearer secret")
        #expect(!"\(access)".contains("secret"))
    }
}
