import Collector
import ExporterTestSupport
import Testing

@testable import K8sAttributesProcessor

struct ConfigurationTests {
    @Test func defaults() {
        let (configuration, errors, warnings) = configuration()
        #expect(errors.isEmpty && warnings.isEmpty)
        #expect(configuration.access.authentication == .serviceAccount)
        #expect(configuration.access.requestsPerSecond == 5 && configuration.access.burst == 10)
        #expect(!configuration.isPassthrough && !configuration.waitsForMetadata)
        #expect(configuration.waitTimeout == .seconds(10) && configuration.watchPeriod == .seconds(300))
        #expect(configuration.podDeleteGracePeriod == .seconds(120))
        #expect(
            configuration.extraction.facts.map(\.rawValue).sorted() == [
                "container.image.name", "container.image.tag", "k8s.deployment.name", "k8s.namespace.name",
                "k8s.node.name", "k8s.pod.name", "k8s.pod.start_time", "k8s.pod.uid",
            ])
        #expect(configuration.excludedPods.map(\.pattern) == ["jaeger-agent", "jaeger-collector"])
        #expect(configuration.associations.first == PodAssociation(.attribute("container.id")))
    }

    @Test func listsReplaceDefaults() {
        let (configuration, errors, _) = configuration([
            ("extract", .tree([("metadata", .texts("k8s.pod.name"))])),
            ("exclude", .tree([("pods", .items([("name", .string("^x$"))]))])),
            (
                "pod_association",
                .items([
                    ("sources", .items([("from", .string("connection"))]))
                ])
            ),
        ])
        #expect(errors.isEmpty)
        #expect(configuration.extraction.facts == [.podName])
        #expect(configuration.excludedPods.map(\.pattern) == ["^x$"])
        #expect(configuration.associations == [PodAssociation(.connection)])
    }

    /// Every name that the reference's README has is taken.
    @Test(arguments: [
        "k8s.namespace.name", "k8s.pod.name", "k8s.pod.hostname", "k8s.pod.ip", "k8s.pod.start_time", "k8s.pod.uid",
        "k8s.replicaset.uid", "k8s.replicaset.name", "k8s.deployment.uid", "k8s.deployment.name", "k8s.daemonset.uid",
        "k8s.daemonset.name", "k8s.statefulset.uid", "k8s.statefulset.name", "k8s.cronjob.uid", "k8s.cronjob.name",
        "k8s.job.uid", "k8s.job.name", "k8s.node.name", "k8s.node.uid", "k8s.cluster.uid", "k8s.container.name",
        "container.id", "container.image.name", "container.image.tag", "container.image.tags",
        "container.image.repo_digests", "service.namespace", "service.name", "service.version", "service.instance.id",
    ])
    func metadataNames(name: String) {
        #expect(configuration([("extract", .tree([("metadata", .texts(name))]))]).errors.isEmpty)
    }

    /// The reference's own words are in each message.
    @Test func mistakes() {
        func message(_ entries: [(String, ConfigurationNode.Value)]) -> String {
            configuration(entries).errors.joined(separator: "\n")
        }
        func extract(_ entries: [(String, ConfigurationNode.Value)]) -> String {
            message([("extract", .tree([("labels", .items(entries))]))])
        }
        func filter(_ key: String, _ entries: [(String, ConfigurationNode.Value)]) -> String {
            message([("filter", .tree([(key, .items(entries))]))])
        }
        func association(_ sources: ConfigurationNode.Value) -> String {
            message([("pod_association", .items([("sources", sources)]))])
        }
        #expect(message([("auth_type", .string("magic"))]).contains("invalid authType for kubernetes: magic"))
        #expect(
            message([("extract", .tree([("metadata", .texts("k8s.pod.color"))]))])
                .contains("x::extract::metadata: \"k8s.pod.color\" is not a supported metadata field"))
        #expect(
            extract([("key", .string("a")), ("key_regex", .string("b"))])
                .contains("Out of Key or KeyRegex only one option is expected to be configured at a time"))
        #expect(
            extract([("key", .string("a")), ("from", .string("moon"))])
                .contains("x::extract::labels::0::from: moon is not a valid choice for From. Must be one of: pod,"))
        #expect(extract([("key_regex", .string("("))]).contains("key_regex: invalid regular expression"))
        #expect(extract([("tag_name", .string("a"))]).contains("requires \"key\" or \"key_regex\""))
        #expect(
            filter("fields", [("key", .string("a")), ("op", .string("exists"))])
                .contains("'exists' is not a valid field filter operation for key=a, value="))
        #expect(
            filter("labels", [("key", .string("a")), ("op", .string("like"))])
                .contains("'like' is not a valid label filter operation for key=a, value="))
        #expect(filter("labels", [("key", .string("a,b"))]).contains("is no name of a label"))
        let source: [(String, ConfigurationNode.Value)] = [("from", .string("connection"))]
        #expect(
            association(.items(source, source, source, source, source))
                .contains("too many association sources. limit is 4"))
        #expect(association(.items([("from", .string("resource_attribute"))])).contains("name: is required"))
        #expect(association(.items([("from", .string("ip"))])).contains("unknown value \"ip\""))
        #expect(association(.list([])).contains("requires at least one source"))
        #expect(message([("filter", .tree([("node_from_env_var", .string("NODE"))]))])
            .contains("`node_from_env_var` is configured but envvar \"NODE\" is not set"))
        #expect(message([("filter", .tree([("namespace", .string("../nodes"))]))]).contains("no name of a namespace"))
        #expect(message([("nonsense", .integer(1))]).contains("invalid key"))
        #expect(message([("exclude", .tree([("pods", .items([("name", .string("["))]))]))]).contains("invalid regular"))
        #expect(
            message([("kube_config_path", .string("a")), ("kubeconfig_path", .string("b"))])
                .contains("both are set"))
    }

    @Test func filtersBecomeSelectors() {
        let (configuration, errors, _) = configuration(
            [
                (
                    "filter",
                    .tree([
                        ("node_from_env_var", .string("NODE")), ("namespace", .texts("a", "b", "a")),
                        (
                            "fields",
                            .items(
                                [("key", .string("status.phase")), ("value", .string("Running"))],
                                [
                                    ("key", .string("metadata.name")), ("value", .string("x,y=z")),
                                    ("op", .string("not-equals")),
                                ])
                        ),
                        (
                            "labels",
                            .items(
                                [("key", .string("app")), ("value", .string("web")), ("op", .string("equals"))],
                                [("key", .string("tier")), ("value", .string("db")), ("op", .string("not-equals"))],
                                [("key", .string("example.com/on")), ("op", .string("exists"))],
                                [("key", .string("off")), ("op", .string("does-not-exist"))])
                        ),
                    ])
                )
            ], environment: ["NODE": "node-1"])
        #expect(errors.isEmpty)
        let filter = configuration.filter
        #expect(filter.fieldSelector == "spec.nodeName=node-1,status.phase=Running,metadata.name!=x\\,y\\=z")
        #expect(filter.labelSelector == "app=web,tier!=db,example.com/on,!off")
        let queries = ResourceQuery.needed(for: configuration)
        #expect(queries.map(\.kind) == [.pods, .pods] && queries.map(\.namespace) == ["a", "b"])
        #expect(
            queries.first?.listTarget(limit: 2, continuing: "t/1")
                == "/api/v1/namespaces/a/pods?fieldSelector=spec.nodeName%3Dnode-1%2Cstatus.phase%3DRunning%2C"
                + "metadata.name%21%3Dx%5C%2Cy%5C%3Dz&labelSelector=app%3Dweb%2Ctier%21%3Ddb%2C"
                + "example.com%2Fon%2C%21off"
                + "&limit=2&continue=t%2F1")
    }

    /// What is asked of the API follows from what is to be written.
    @Test func onlyWhatIsNeededIsAskedFor() {
        func queries(
            _ extract: [(String, ConfigurationNode.Value)], _ filter: [(String, ConfigurationNode.Value)] = []
        ) -> [String] {
            let entries = [("extract", ConfigurationNode.Value.tree(extract)), ("filter", .tree(filter))]
            return ResourceQuery.needed(for: configuration(entries).configuration).map {
                [$0.kind.rawValue, $0.namespace, $0.fieldSelector].compactMap(\.self).joined(separator: " ")
            }
        }
        func labels(_ from: String) -> (String, ConfigurationNode.Value) {
            ("labels", .items([("key", .string("a")), ("from", .string(from))]))
        }
        #expect(queries([]) == ["pods"])
        #expect(queries([("deployment_name_from_replicaset", .boolean(false))]) == ["pods", "replicasets"])
        #expect(queries([("metadata", .texts("k8s.deployment.uid"))]) == ["pods", "replicasets"])
        #expect(
            queries([("metadata", .texts("k8s.cluster.uid"))]) == ["pods", "namespaces metadata.name=kube-system"])
        #expect(queries([("metadata", .texts("k8s.node.uid"))]) == ["pods", "nodes"])
        #expect(
            queries([("metadata", .texts("k8s.node.uid"))], [("node", .string("n"))])
                == ["pods spec.nodeName=n", "nodes metadata.name=n"])
        #expect(queries([("metadata", .texts("k8s.cronjob.uid"))]) == ["pods", "jobs"])
        #expect(queries([("metadata", .texts("k8s.cronjob.name"))]) == ["pods"])
        #expect(queries([labels("namespace")]) == ["pods", "namespaces"])
        #expect(
            queries([labels("namespace"), ("metadata", .texts("k8s.cluster.uid"))], [("namespace", .string("a"))])
                == ["pods a", "namespaces metadata.name=a", "namespaces metadata.name=kube-system"])
        #expect(queries([labels("deployment")]) == ["pods", "replicasets", "deployments"])
        #expect(queries([labels("statefulset")]) == ["pods", "statefulsets"])
        #expect(queries([labels("daemonset")]) == ["pods", "daemonsets"])
        #expect(queries([labels("job")]) == ["pods", "jobs"])
        #expect(queries([labels("node")]) == ["pods", "nodes"])
        #expect(queries([labels("pod")]) == ["pods"])
    }

    @Test func metadataOnlyRequests() {
        #expect(ResourceQuery(.pods).accept(forList: true) == "application/json")
        #expect(
            ResourceQuery(.nodes).accept(forList: true)
                == "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json")
        #expect(
            ResourceQuery(.jobs, namespace: "a").watchTarget(from: "7", seconds: 9)
                == "/apis/batch/v1/namespaces/a/jobs?watch=1&allowWatchBookmarks=true&resourceVersion=7"
                + "&timeoutSeconds=9")
    }
}
