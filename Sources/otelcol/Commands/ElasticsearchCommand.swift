import ArgumentParser
import Collector
import ElasticsearchExporter
import ExporterSupport
import HTTPClientSupport

/// `elasticsearch`: what has to do with a cluster and not with a running Collector.
struct ElasticsearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "elasticsearch", abstract: "Prepare an Elasticsearch cluster for profiles.",
        subcommands: [ElasticsearchSetupCommand.self])
}

/// `elasticsearch setup`: templates and indices for clusters without the profiling plugin.
struct ElasticsearchSetupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "setup", abstract: "Make the templates and indices that profiles need.",
        discussion: """
            For clusters without the profiling plugin. Where the plugin is there, set \
            xpack.profiling.templates.enabled to true in place of this. What exists is never changed. \
            Without --endpoint, the variable ELASTICSEARCH_URL counts; without --api-key, ELASTIC_API_KEY.
            """)

    @Flag(help: "Print the requests and send nothing.")
    var dryRun = false

    @Option(help: "URL of the cluster; user:password@ may stand before the host.")
    var endpoint: String?

    @Option(help: "As Elasticsearch gives it out, encoded.")
    var apiKey: String?

    @Option(help: "PEM file with the authorities that the server's certificate is checked against.")
    var caFile: String?

    @Flag(help: "Do not check the server's certificate.")
    var insecureSkipVerify = false

    func run() async throws {
        if dryRun {
            for resource in ProfilingResources.all { print("PUT \(resource.path)\n\(resource.body)\n") }
            return
        }
        guard let url = endpoint ?? EnvironmentVariable.value("ELASTICSEARCH_URL"), !url.isEmpty else {
            throw ValidationError("give --endpoint, or set ELASTICSEARCH_URL")
        }
        var settings = ElasticsearchConfiguration()
        do {
            settings.endpoints = [try HTTPEndpoint(parsing: url)]
        } catch {
            throw ValidationError("\(endpoint == nil ? "ELASTICSEARCH_URL" : "--endpoint"): \(error)")
        }
        settings.apiKey = OpaqueString(apiKey ?? EnvironmentVariable.value("ELASTIC_API_KEY") ?? "")
        settings.client.tls.certificateAuthority = caFile.map { .file($0) }
        settings.client.tls.skipsVerification = insecureSkipVerify
        try await ClusterSetup(settings, build: programInformation).run { print($0) }
    }
}
