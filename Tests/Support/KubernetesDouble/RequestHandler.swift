import Foundation
import NIOCore
import NIOHTTP1

extension KubernetesDouble {
    static func line(_ type: String, _ object: JSONValue) -> String {
        JSONValue.object(["type": .string(type), "object": object]).text + "\n"
    }

    /// What is left of an object where only its metadata was asked for.
    static func partial(_ object: JSONValue) -> JSONValue {
        .object([
            "kind": .string("PartialObjectMetadata"), "apiVersion": .string("meta.k8s.io/v1"),
            "metadata": object["metadata"] ?? .null,
        ])
    }

    static func status(_ code: Int, _ reason: String, _ message: String) -> JSONValue {
        .object([
            "kind": .string("Status"), "apiVersion": .string("v1"), "metadata": .object([:]),
            "status": .string("Failure"), "message": .string(message), "reason": .string(reason),
            "code": .integer(Int64(code)),
        ])
    }

    enum Answer {
        case whole(Int, String, [(String, String)])
        /// A watch, with what it begins with; it stays open unless it ends.
        case stream([String], ends: Bool)
    }

    func answer(_ head: HTTPRequestHead, on channel: any Channel) -> Answer {
        let parts = URLComponents(string: head.uri)
        var query: [String: String] = [:]
        for item in parts?.queryItems ?? [] { query[item.name] = item.value ?? "" }
        var request = Request(
            path: parts?.path ?? "", query: query, accept: head.headers.first(name: "Accept") ?? "",
            authorization: head.headers.first(name: "Authorization"), status: 200)
        return state.withLock { state in
            let answer = Self.answer(&request, channel, &state)
            if case .whole(let status, _, _) = answer { request.status = status }
            state.requests.append(request)
            return answer
        }
    }

    private static func failure(_ code: Int, _ reason: String, _ message: String) -> Answer {
        .whole(code, status(code, reason, message).text, [])
    }

    private static func answer(_ request: inout Request, _ channel: any Channel, _ state: inout State) -> Answer {
        if !state.faults.isEmpty {
            let fault = state.faults.removeFirst()
            return .whole(fault.status, fault.body, fault.headers)
        }
        if let token = state.token, request.authorization != "Bearer \(token)" {
            return failure(401, "Unauthorized", "Unauthorized")
        }
        guard var selection = selection(request.path) else {
            return failure(404, "NotFound", "the server could not find the requested resource")
        }
        if state.forbidden.contains(selection.resource) {
            return failure(403, "Forbidden", "\(selection.resource) is forbidden: no RBAC policy matched")
        }
        selection.fieldSelector = request.query["fieldSelector"] ?? ""
        selection.labelSelector = request.query["labelSelector"] ?? ""
        let isPartial = request.accept.contains("as=PartialObjectMetadata")
        return request.isWatch
            ? watch(request, selection, isPartial, channel, &state) : list(request, selection, isPartial, state)
    }

    /// `/api/v1/pods`, `/api/v1/namespaces/NAMESPACE/pods`, `/apis/GROUP/v1/…`.
    private static func selection(_ path: String) -> Cluster.Selection? {
        var parts = path.split(separator: "/").map(String.init)[...]
        switch parts.first {
        case "api": parts = parts.dropFirst(2)
        case "apis": parts = parts.dropFirst(3)
        default: return nil
        }
        if parts.count == 3, parts.first == "namespaces", let resource = parts.last {
            return Cluster.Selection(resource: resource, namespace: parts[parts.startIndex + 1])
        }
        guard parts.count == 1, let resource = parts.first else { return nil }
        return Cluster.Selection(resource: resource, namespace: nil)
    }

    private static func list(
        _ request: Request, _ selection: Cluster.Selection, _ isPartial: Bool, _ state: State
    ) -> Answer {
        var (version, start) = (state.cluster.version, 0)
        if let token = request.query["continue"] {
            let numbers = token.split(separator: ".").compactMap { Int($0) }
            guard numbers.count == 2, numbers[0] >= state.cluster.oldest else {
                return failure(410, "Expired", "The provided continue parameter is too old")
            }
            (version, start) = (numbers[0], numbers[1])
        }
        let all = state.cluster.list(selection)
        let limit = request.query["limit"].flatMap { Int($0) } ?? all.count
        let page = all.dropFirst(start).prefix(limit)
        var metadata: [String: JSONValue] = ["resourceVersion": .string("\(version)")]
        if start + page.count < all.count {
            metadata["continue"] = .string("\(version).\(start + page.count)")
            metadata["remainingItemCount"] = .integer(Int64(all.count - start - page.count))
        }
        let list = JSONValue.object([
            "kind": .string(isPartial ? "PartialObjectMetadataList" : "List"), "apiVersion": .string("v1"),
            "metadata": .object(metadata), "items": .array(page.map { isPartial ? partial($0) : $0 }),
        ])
        return .whole(200, list.text, [])
    }

    private static func watch(
        _ request: Request, _ selection: Cluster.Selection, _ isPartial: Bool, _ channel: any Channel,
        _ state: inout State
    ) -> Answer {
        let version = request.query["resourceVersion"].flatMap { Int($0) } ?? 0
        guard version >= state.cluster.oldest else {
            let message = "too old resource version: \(version) (\(state.cluster.oldest))"
            guard state.expiresInStream else { return failure(410, "Expired", message) }
            return .stream([line("ERROR", status(410, "Expired", message))], ends: true)
        }
        let lines = state.cluster.events.filter { $0.version > version }.compactMap { event -> String? in
            guard let (type, object) = Cluster.told(event, selection) else { return nil }
            return line(type, isPartial ? partial(object) : object)
        }
        state.watchers[ObjectIdentifier(channel)] = Watcher(
            channel: channel, selection: selection, isMetadataOnly: isPartial)
        return .stream(lines, ends: false)
    }
}

/// Answers the requests of one connection.
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let double: KubernetesDouble
    private var head: HTTPRequestHead?

    init(double: KubernetesDouble) { self.double = double }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body: break
        case .end:
            guard let head else { return }
            self.head = nil
            // Before anything is told to a new watcher, its answer has begun: both are queued on this event loop.
            switch double.answer(head, on: context.channel) {
            case .whole(let status, let body, let headers):
                write(context, status, headers + [("Content-Length", "\(body.utf8.count)")])
                write(context, body)
                context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
            case .stream(let lines, let ends):
                write(context, 200, [("Transfer-Encoding", "chunked")])
                for line in lines { write(context, line) }
                if ends { context.write(wrapOutboundOut(.end(nil)), promise: nil) }
                context.flush()
            }
        }
    }

    private func write(_ context: ChannelHandlerContext, _ status: Int, _ headers: [(String, String)]) {
        let fields = HTTPHeaders([("Content-Type", "application/json")] + headers)
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: fields)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    private func write(_ context: ChannelHandlerContext, _ text: String) {
        guard !text.isEmpty else { return }
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: text)))), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
