import Collector
import Glibc
import RegularExpressions

/// The processor `k8s_attributes`: its keys and defaults are the OpenTelemetry Collector's, as far as the type's
/// documentation does not say otherwise.
public struct K8sAttributesConfiguration: Sendable {
    public var access = ClusterAccessConfiguration()
    /// Only writes the address of the connection; the API is not used.
    public var isPassthrough = false
    public var waitsForMetadata = false
    public var waitTimeout = Duration.seconds(10)
    /// How long a watch lasts at least before it is renewed.
    public var watchPeriod = Duration.seconds(300)
    /// How long a pod that was deleted can still be found.
    public var podDeleteGracePeriod = Duration.seconds(120)
    public var extraction = Extraction()
    public var filter = PodFilter()
    public var associations = PodAssociation.defaults
    /// Names of pods whose telemetry is left alone.
    public var excludedPods: [RegularExpression] = []

    public init() {
        excludedPods = ["jaeger-agent", "jaeger-collector"].compactMap { try? RegularExpression($0) }
    }

    /// - Parameter environment: Yields the value of an environment variable, nil if it is not set.
    init(
        _ section: ConfigurationSection,
        environment: (String) -> String? = { getenv($0).map { String(cString: $0) } }
    ) {
        self.init()
        access = ClusterAccessConfiguration(section)
        isPassthrough = section.boolean("passthrough", default: false)
        waitsForMetadata = section.boolean("wait_for_metadata", default: false)
        waitTimeout = section.duration("wait_for_metadata_timeout", default: waitTimeout, in: .zero ... .seconds(3600))
        watchPeriod = section.duration("watch_sync_period", default: watchPeriod, in: .zero ... .seconds(86_400))
        podDeleteGracePeriod = section.duration(
            "pod_delete_grace_period", default: podDeleteGracePeriod, in: .zero ... .seconds(86_400))
        extraction = Extraction(section.section("extract"))
        filter = PodFilter(section.section("filter"), environment: environment)
        if section.isSet("pod_association") {
            let written = section.sections("pod_association").compactMap { PodAssociation($0) }
            if !written.isEmpty { associations = written }
        }
        let exclude = section.section("exclude")
        if exclude.isSet("pods") {
            excludedPods = exclude.sections("pods").compactMap { pod in
                let name = pod.requiredString("name")
                do {
                    return name.isEmpty ? nil : try RegularExpression(name)
                } catch {
                    pod.error("name", "invalid regular expression: \(error)")
                    return nil
                }
            }
        }
    }
}

/// How the API is reached.
public struct ClusterAccessConfiguration: Sendable {
    public enum Authentication: String, Sendable, CaseIterable {
        /// The token and authority that a pod is given.
        case serviceAccount
        /// A file as `kubectl` uses it.
        case kubeConfig
        /// No proof of identity, and the server's certificate is not verified.
        case none
    }

    public var authentication = Authentication.serviceAccount
    /// Of `kubeConfig`; nil: `KUBECONFIG`, else `~/.kube/config`.
    public var kubeConfigPath: String?
    /// Of `kubeConfig`; nil: the file's current one.
    public var context: String?
    /// Requests a second, on average.
    public var requestsPerSecond = 5.0
    /// Requests that may be made at once.
    public var burst = 10

    public init() {}

    init(_ section: ConfigurationSection) {
        if let text = section.optionalString("auth_type") {
            if let known = Authentication(rawValue: text) {
                authentication = known
            } else {
                let valid = Authentication.allCases.map(\.rawValue).joined(separator: ", ")
                section.error("auth_type", "invalid authType for kubernetes: \(text) (valid values: [\(valid)])")
            }
        }
        // Both spellings are in circulation.
        if section.isSet("kubeconfig_path"), section.isSet("kube_config_path") {
            section.error("kubeconfig_path", "and kube_config_path are the same setting, and both are set; remove one")
        }
        let path = section.optionalString("kube_config_path") ?? section.optionalString("kubeconfig_path")
        kubeConfigPath = path.flatMap { $0.isEmpty ? nil : $0 }
        context = section.optionalString("context").flatMap { $0.isEmpty ? nil : $0 }
        if authentication != .kubeConfig {
            for key in ["kube_config_path", "kubeconfig_path", "context"]
            where !(section.optionalString(key) ?? "").isEmpty {
                section.warning(key, "has an effect only with auth_type: kubeConfig")
            }
        }
        // Zero is the reference's way to say "the default".
        let rate = section.floatingPoint("kube_api_qps", default: 0, in: 0...100_000)
        if rate > 0 { requestsPerSecond = rate }
        let written = section.integer("kube_api_burst", default: 0, in: 0...100_000)
        if written > 0 { burst = written }
    }
}
