import Collector
import NIOHTTP1
import OTLP
import ServerSupport
import SwiftProtobuf

/// OTLP over HTTP: a path for each signal, Protocol Buffers and JSON.
struct OTLPHTTPService: HTTPService {
    private enum Encoding: String {
        case protobuf = "application/x-protobuf"
        case json = "application/json"
    }

    private let signals: [String: Signal]
    private let intake: OTLPIntake

    init(paths: [Signal: String], intake: OTLPIntake) {
        signals = Dictionary(paths.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
        self.intake = intake
    }

    func answer(_ request: HTTPRequest) async -> HTTPAnswer {
        guard let signal = signals[request.path], intake.signals.contains(signal) else {
            return .text(.notFound, "404 page not found")
        }
        guard request.method == .POST else {
            var answer = HTTPAnswer.text(.methodNotAllowed, "405 method not allowed, supported: [POST]")
            answer.headers.add(name: "Allow", value: "POST")
            return answer
        }
        guard let encoding = Encoding(rawValue: request.mediaType) else {
            return .text(
                .unsupportedMediaType,
                "415 unsupported media type, supported: [application/json, application/x-protobuf]")
        }
        let telemetry: Telemetry
        do {
            telemetry = try Self.decode(request.body, signal, encoding)
        } catch {
            return Self.answer(
                .badRequest, OTLPRefusal(code: .invalidArgument, message: "cannot decode the body: \(error)"), encoding)
        }
        do {
            try await RequestContext.$current.withValue(request.context) {
                try await intake.take(telemetry, by: .http)
            }
        } catch let refusal as OTLPRefusal {
            return Self.answer(refusal.httpStatus, refusal, encoding)
        } catch {
            return Self.answer(.internalServerError, OTLPRefusal(code: .internal, message: "\(error)"), encoding)
        }
        return success(encoding)
    }

    func refusal(_ status: HTTPResponseStatus, _ reason: String, for request: HTTPRequest) -> HTTPAnswer {
        guard let encoding = Encoding(rawValue: request.mediaType) else { return .text(status, reason) }
        let code: OTLPRefusal.Code =
            switch status {
            case .unauthorized: .unauthenticated
            case .serviceUnavailable: .unavailable
            default: .invalidArgument
            }
        return Self.answer(status, OTLPRefusal(code: code, message: reason), encoding)
    }

    /// An empty response of any signal: nothing in Protocol Buffers, an empty object in JSON.
    private func success(_ encoding: Encoding) -> HTTPAnswer {
        HTTPAnswer(status: .ok, contentType: encoding.rawValue, body: encoding == .json ? Array("{}".utf8) : [])
    }

    private static func decode(_ body: [UInt8], _ signal: Signal, _ encoding: Encoding) throws -> Telemetry {
        // Batch and request have the same layout.
        switch (signal, encoding) {
        case (.traces, .protobuf): .traces(try OTLPTracesData(serializedBytes: body))
        case (.metrics, .protobuf): .metrics(try OTLPMetricsData(serializedBytes: body))
        case (.logs, .protobuf): .logs(try OTLPLogsData(serializedBytes: body))
        case (.profiles, .protobuf): .profiles(try OTLPProfilesData(serializedBytes: body))
        case (.traces, .json): .traces(try OTLPJSON.decode(from: body))
        case (.metrics, .json): .metrics(try OTLPJSON.decode(from: body))
        case (.logs, .json): .logs(try OTLPJSON.decode(from: body))
        case (.profiles, .json): .profiles(try OTLPJSON.decode(from: body))
        }
    }

    private static func answer(_ status: HTTPResponseStatus, _ refusal: OTLPRefusal, _ encoding: Encoding) -> HTTPAnswer
    {
        let body: [UInt8]
        switch encoding {
        case .protobuf: body = (try? refusal.status.serializedBytes()) ?? []
        // Details are only readable by programs, and those may take Protocol Buffers.
        case .json:
            body =
                (try? OTLPJSON.encodePlain(
                    OTLPStatus.with { [refusal] in
                        $0.code = refusal.code.rawValue
                        $0.message = refusal.message
                    })) ?? []
        }
        var answer = HTTPAnswer(status: status, contentType: encoding.rawValue, body: body)
        if let delay = refusal.retryDelay, status == .serviceUnavailable || status == .tooManyRequests {
            let (seconds, attoseconds) = delay.components
            answer.headers.add(name: "Retry-After", value: "\(seconds + (attoseconds > 0 ? 1 : 0))")
        }
        return answer
    }
}

extension OTLPRefusal {
    fileprivate var httpStatus: HTTPResponseStatus {
        switch code {
        case .unavailable: .serviceUnavailable
        case .resourceExhausted: .tooManyRequests
        case .invalidArgument: .badRequest
        case .unauthenticated: .unauthorized
        case .unimplemented: .notFound
        case .internal: .internalServerError
        }
    }
}
