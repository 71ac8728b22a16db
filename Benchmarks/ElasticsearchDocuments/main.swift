// What it costs to bring the profiles of a host of 64 CPUs to Elasticsearch, per event.
//
//     OTELCOL_ONLY=elasticsearch-documents-benchmark swift run -c release elasticsearch-documents-benchmark
//
// Ten messages of five seconds each, 64 CPUs busy at 20 samples a second: 6,400 events in 200 processes, over 3,000
// stacks of 30 frames of which one in ten is new in each message. They go through the exporter as it is, gzip included,
// to a process of its own that accepts everything. Printed: processor time of the exporter's process for each event,
// documents and bytes, and the resident memory after the third and after the last message.

import Collector
import ElasticsearchExporter
import Glibc
import HTTPClientSupport
import Logging
import OTLP

if CommandLine.arguments.dropFirst().first == "server" { AcceptingServer.run() }

let events = 6_400
let messages = 10

struct NoHost: Host {
    func report(_ status: ComponentStatus) {}
    func runningExtension(_ id: ComponentID) -> (any Extension)? { nil }
    var extensions: [ComponentID: any Extension] { [:] }
}

func cpuSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// The second field of /proc/self/statm is the resident set in pages (proc(5)).
func residentMebibytes() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard fgets(&line, 128, file) != nil else { return 0 }
    let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    let fields = text.split(separator: " ")
    return ((fields.count > 1 ? Int(fields[1]) ?? 0 : 0) * sysconf(Int32(_SC_PAGESIZE))) >> 20
}

let server = try AcceptingServer.start()
var configuration = ElasticsearchConfiguration()
configuration.endpoints = [try HTTPEndpoint(parsing: "http://127.0.0.1:\(server.port)")]
configuration.queue = nil
configuration.profiles.schema = .classic
let metrics = MetricsRegistry()
let exporter = try await ElasticsearchExporterFactory().makeExporter(
    signal: .profiles, configuration: configuration,
    context: ComponentContext(
        kind: .exporter, id: ComponentID(type: "elasticsearch"), logger: Logger(label: "benchmark"),
        build: BuildInformation(command: "benchmark", description: "benchmark", version: ""), metrics: metrics))
try await exporter.start(host: NoHost())

func metric(_ name: String) -> Double {
    metrics.samples().filter { $0.name == "otelcol_elasticsearch_\(name)" }.reduce(0) { $0 + $1.value }
}

var times: [Double] = []
var early = 0
for number in 0..<messages {
    let message = makeHost(events: events, message: number)
    let start = cpuSeconds()
    try await exporter.consume(.profiles(message))
    times.append(cpuSeconds() - start)
    if number == 2 { early = residentMebibytes() }
}
// The first message also brings all frames and traces.
for (name, time) in [("first message", times[0]), ("later ones, median", times[1...].sorted()[(messages - 1) / 2])] {
    let each = time / Double(events)
    print("\(name): \(Int(each * 1e9)) ns an event, \(Int(1 / each)) events a second on one core")
}
let documents = metric("docs_received")
print(
    "\(Int(documents)) documents for \(events * messages) events, "
        + "\(Int(metric("flushed_uncompressed_bytes") / documents)) bytes a document, "
        + "\(Int(metric("flushed_bytes") / documents)) compressed")
print("resident: \(early) MiB after three messages, \(residentMebibytes()) MiB after \(messages)")
try await exporter.shutdown()
kill(server.pid, SIGKILL)
