import Collector
import ExporterSupport
import OTLP
import Synchronization

/// Hands what either server has received to the pipelines, and counts it.
final class OTLPIntake: Sendable {
    enum Transport: String, Sendable {
        case grpc
        case http
    }

    private struct Target: Sendable {
        var next: any Consumer
        var accepted: [Transport: Counter]
        var refused: [Transport: Counter]
    }

    private let context: ComponentContext
    private let targets = Mutex<[Signal: Target]>([:])

    init(_ context: ComponentContext) {
        self.context = context
    }

    func register(_ signal: Signal, _ next: any Consumer) {
        func counters(_ word: String, _ help: String) -> [Transport: Counter] {
            var result: [Transport: Counter] = [:]
            for transport in [Transport.grpc, .http] {
                result[transport] = context.metrics.counter(
                    "otelcol_receiver_\(word)_\(signal.itemNoun)", help: help,
                    labels: ["receiver": "\(context.id)", "transport": transport.rawValue])
            }
            return result
        }
        let items = signal.itemNoun.split(separator: "_").joined(separator: " ")
        let target = Target(
            next: next, accepted: counters("accepted", "Number of \(items) successfully pushed into the pipeline."),
            refused: counters("refused", "Number of \(items) that could not be pushed into the pipeline."))
        targets.withLock { $0[signal] = target }
    }

    var signals: Set<Signal> { targets.withLock { Set($0.keys) } }

    /// - Throws: `OTLPRefusal`.
    func take(_ telemetry: Telemetry, by transport: Transport) async throws {
        guard let target = targets.withLock({ $0[telemetry.signal] }) else {
            throw OTLPRefusal(code: .unimplemented, message: "no pipeline takes \(telemetry.signal)")
        }
        let items = telemetry.itemCount
        // An empty batch is a question whether anybody is there.
        guard items > 0 else { return }
        var telemetry = telemetry
        if case .profiles(var profiles) = telemetry {
            telemetry = .profiles(.init())
            let dropped = profiles.resolveReferences()
            if dropped > 0 {
                context.logger.warning(
                    "Dropped attributes that refer to strings that the message does not have",
                    metadata: ["dropped": "\(dropped)"])
            }
            telemetry = .profiles(profiles)
        }
        do {
            try await target.next.consume(telemetry)
            target.accepted[transport]?.add(items)
        } catch {
            target.refused[transport]?.add(items)
            context.logger.debug("A pipeline refused a batch", metadata: ["error": "\(error)"])
            throw OTLPRefusal(error)
        }
    }
}

/// Why a batch was not taken, in the terms of gRPC.
struct OTLPRefusal: Error {
    /// Numbers of gRPC's status codes.
    enum Code: Int32 {
        case invalidArgument = 3
        case resourceExhausted = 8
        case unimplemented = 12
        case `internal` = 13
        case unavailable = 14
        case unauthenticated = 16
    }

    var code: Code
    var message: String
    /// How long the sender is asked to wait.
    var retryDelay: Duration?

    init(code: Code, message: String, retryDelay: Duration? = nil) {
        self.code = code
        self.message = message
        self.retryDelay = retryDelay
    }

    /// What a pipeline threw: `UNAVAILABLE` if it may take the batch later, `INTERNAL` if it never will.
    init(_ error: any Error) {
        self.init(
            code: PermanentError.isPermanent(error) ? .internal : .unavailable, message: "\(error)",
            retryDelay: (error as? RetryableError)?.delay)
    }

    var status: OTLPStatus {
        OTLPStatus.with {
            $0.code = code.rawValue
            $0.message = message
            if let retryDelay { $0.addRetryInformation(retryDelay) }
        }
    }
}
