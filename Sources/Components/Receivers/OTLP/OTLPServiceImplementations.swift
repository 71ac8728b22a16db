import Collector
import GRPCCore
import GRPCProtobuf
import OTLP
import OTLPServices
import SwiftProtobuf

// One service for each signal: each hands its request on as a batch, and answers with an empty response.

struct TraceService: Opentelemetry_Proto_Collector_Trace_V1_TraceService.SimpleServiceProtocol {
    let intake: OTLPIntake
    let maximumBytes: Int

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.register(Opentelemetry_Proto_Collector_Trace_V1_TraceService.Method.Export.descriptor, maximumBytes) {
            request, context in
            try await export(request: request, context: context)
        }
    }

    func export(request: OTLPExportTracesRequest, context: ServerContext) async throws -> OTLPExportTracesResponse {
        let batch = OTLPTracesData.with { $0.resourceSpans = request.resourceSpans }
        try await intake.takeByGRPC(.traces(batch))
        return OTLPExportTracesResponse()
    }
}

struct MetricsService: Opentelemetry_Proto_Collector_Metrics_V1_MetricsService.SimpleServiceProtocol {
    let intake: OTLPIntake
    let maximumBytes: Int

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.register(Opentelemetry_Proto_Collector_Metrics_V1_MetricsService.Method.Export.descriptor, maximumBytes)
        { request, context in
            try await export(request: request, context: context)
        }
    }

    func export(request: OTLPExportMetricsRequest, context: ServerContext) async throws -> OTLPExportMetricsResponse {
        let batch = OTLPMetricsData.with { $0.resourceMetrics = request.resourceMetrics }
        try await intake.takeByGRPC(.metrics(batch))
        return OTLPExportMetricsResponse()
    }
}

struct LogsService: Opentelemetry_Proto_Collector_Logs_V1_LogsService.SimpleServiceProtocol {
    let intake: OTLPIntake
    let maximumBytes: Int

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.register(Opentelemetry_Proto_Collector_Logs_V1_LogsService.Method.Export.descriptor, maximumBytes) {
            request, context in
            try await export(request: request, context: context)
        }
    }

    func export(request: OTLPExportLogsRequest, context: ServerContext) async throws -> OTLPExportLogsResponse {
        let batch = OTLPLogsData.with { $0.resourceLogs = request.resourceLogs }
        try await intake.takeByGRPC(.logs(batch))
        return OTLPExportLogsResponse()
    }
}

struct ProfilesService: Opentelemetry_Proto_Collector_Profiles_V1development_ProfilesService.SimpleServiceProtocol {
    let intake: OTLPIntake
    let maximumBytes: Int

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        router.register(
            Opentelemetry_Proto_Collector_Profiles_V1development_ProfilesService.Method.Export.descriptor, maximumBytes
        ) { request, context in
            try await export(request: request, context: context)
        }
    }

    func export(request: OTLPExportProfilesRequest, context: ServerContext) async throws -> OTLPExportProfilesResponse {
        let batch = OTLPProfilesData.with {
            $0.resourceProfiles = request.resourceProfiles
            if request.hasDictionary { $0.dictionary = request.dictionary }
        }
        try await intake.takeByGRPC(.profiles(batch))
        return OTLPExportProfilesResponse()
    }
}

extension OTLPIntake {
    /// - Throws: `RPCError`, with what the sender should know about retrying in `grpc-status-details-bin`.
    fileprivate func takeByGRPC(_ telemetry: Telemetry) async throws {
        do {
            try await take(telemetry, by: .grpc)
        } catch let refusal as OTLPRefusal {
            throw refusal.rpcError
        }
    }
}

/// Refuses messages over a limit with a status that tells the sender to give up. The transport's own limit resets the
/// stream, which senders take for something that passes.
private struct BoundedDeserializer<Request: Message>: MessageDeserializer {
    let maximumBytes: Int

    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> Request {
        let count = bytes.withUnsafeBytes { $0.count }
        guard count <= maximumBytes else {
            throw RPCError(
                code: .resourceExhausted,
                message: "received message larger than max (\(count) vs. \(maximumBytes)); see max_recv_msg_size_mib")
        }
        return try ProtobufDeserializer<Request>().deserialize(bytes)
    }
}

extension RPCRouter {
    fileprivate mutating func register<Request: Message, Response: Message>(
        _ method: MethodDescriptor, _ maximumBytes: Int,
        handler:
            @Sendable @escaping (
                StreamingServerRequest<Request>, ServerContext
            ) async throws -> StreamingServerResponse<Response>
    ) {
        registerHandler(
            forMethod: method, deserializer: BoundedDeserializer<Request>(maximumBytes: maximumBytes),
            serializer: ProtobufSerializer<Response>(), handler: handler)
    }
}

extension OTLPRefusal {
    /// With the delay, if there is one, in the trailers.
    fileprivate var rpcError: RPCError {
        var metadata = Metadata()
        if retryDelay != nil, let details: [UInt8] = try? status.serializedBytes() {
            metadata.addBinary(details, forKey: "grpc-status-details-bin")
        }
        return RPCError(code: rpcCode, message: message, metadata: metadata)
    }

    private var rpcCode: RPCError.Code {
        switch code {
        case .invalidArgument: .invalidArgument
        case .resourceExhausted: .resourceExhausted
        case .unimplemented: .unimplemented
        case .internal: .internalError
        case .unavailable: .unavailable
        case .unauthenticated: .unauthenticated
        }
    }
}

/// Asks the authenticator, and tells the pipelines what is known of the caller.
struct RequestContextInterceptor: ServerInterceptor {
    let authenticator: (any ServerAuthenticator)?
    let includesMetadata: Bool

    func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>, context: ServerContext,
        next: @Sendable (StreamingServerRequest<Input>, ServerContext) async throws -> StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        var known = RequestContext(clientAddress: Self.address(context.remotePeer))
        if authenticator != nil || includesMetadata {
            var fields: [String: [String]] = [:]
            for (key, value) in request.metadata {
                if case .string(let text) = value { fields[key.lowercased(), default: []].append(text) }
            }
            if let authenticator {
                do {
                    known.authentication = try await authenticator.authenticate(headers: fields)
                } catch let error as AuthenticationUnavailable {
                    throw OTLPRefusal(
                        code: .unavailable, message: "\(error)", retryDelay: error.retryDelay
                    ).rpcError
                } catch {
                    throw RPCError(code: .unauthenticated, message: "\(error)")
                }
            }
            if includesMetadata { known.metadata = fields }
        }
        return try await RequestContext.$current.withValue(known) { try await next(request, context) }
    }

    /// `ipv4:127.0.0.1:31415` and `ipv6:[::1]:443` without family and port; nil for anything else.
    static func address(_ peer: String) -> String? {
        for family in ["ipv4:", "ipv6:"] where peer.hasPrefix(family) {
            let rest = peer.dropFirst(family.count)
            guard let colon = rest.lastIndex(of: ":") else { return nil }
            return String(rest[..<colon].filter { $0 != "[" && $0 != "]" })
        }
        return nil
    }
}
