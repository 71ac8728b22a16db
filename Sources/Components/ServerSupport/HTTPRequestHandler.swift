import Collector
import Logging
import NIOCore
import NIOHTTP1

/// Reads requests of one connection, or of one stream in HTTP/2, whole, and writes the service's answers.
final class HTTPRequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private enum State {
        case idle
        case reading(HTTPRequestHead, ByteBuffer)
        /// The request was refused; what is left of it is dropped.
        case refused
        case answering
    }

    private let configuration: HTTPServerConfiguration
    private let service: any HTTPService
    private let authenticator: (any ServerAuthenticator)?
    private let logger: Logger
    private let connections: OpenConnections
    private var state = State.idle
    private var timer: Scheduled<Void>?

    init(
        configuration: HTTPServerConfiguration, service: any HTTPService, authenticator: (any ServerAuthenticator)?,
        logger: Logger, connections: OpenConnections
    ) {
        self.configuration = configuration
        self.service = service
        self.authenticator = authenticator
        self.logger = logger
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // The first header has to come in time; later ones may take as long as a connection may be idle.
        setTimer(configuration.readHeaderTimeout, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): begin(head, context)
        case .body(var part):
            guard case .reading(let head, var body) = state else { return }
            guard body.readableBytes + part.readableBytes <= configuration.maximumBodyBytes else {
                refuse(.payloadTooLarge, tooLarge, head, context)
                return
            }
            // Only one reference to the buffer, or appending would copy it.
            state = .idle
            body.writeBuffer(&part)
            state = .reading(head, body)
        case .end:
            guard case .reading(let head, let body) = state else { return }
            answer(head, body, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("connection ended with an error", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    private var tooLarge: String { "request body too large: at most \(configuration.maximumBodyBytes) bytes are taken" }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        setTimer(configuration.readTimeout, context)
        if let length = head.headers.first(name: "Content-Length").flatMap({ Int($0) }),
            length > configuration.maximumBodyBytes
        {
            refuse(.payloadTooLarge, tooLarge, head, context)
            return
        }
        if head.headers.first(name: "Expect")?.lowercased() == "100-continue" {
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
        }
        state = .reading(head, context.channel.allocator.buffer(capacity: 0))
    }

    // MARK: - Answering

    private func answer(_ head: HTTPRequestHead, _ body: ByteBuffer, _ context: ChannelHandlerContext) {
        state = .answering
        setTimer(configuration.writeTimeout, context)
        let request = makeRequest(head, context)
        let (configuration, service, authenticator, connections) = (configuration, service, authenticator, connections)
        let coding = head.headers.first(name: "Content-Encoding")?.lowercased() ?? ""
        connections.requestBegins()
        let future = context.eventLoop.makeFutureWithTask { () -> HTTPAnswer in
            await Self.answer(
                request, body: body, coding: coding, configuration: configuration, service: service,
                authenticator: authenticator)
        }
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        future.whenComplete { result in
            connections.requestEnds()
            let (handler, context) = bound.value
            guard context.channel.isActive else { return }
            switch result {
            case .success(let answer): handler.write(answer, to: head, closing: false, context)
            case .failure: context.close(promise: nil)
            }
        }
    }

    private static func answer(
        _ request: HTTPRequest, body: ByteBuffer, coding: String, configuration: HTTPServerConfiguration,
        service: any HTTPService, authenticator: (any ServerAuthenticator)?
    ) async -> HTTPAnswer {
        var request = request
        if let answer = configuration.cors?.preflight(request) { return answer }
        func decorated(_ answer: HTTPAnswer) -> HTTPAnswer {
            var answer = answer
            configuration.cors?.decorate(&answer, for: request)
            return answer
        }
        var fields: [String: [String]] = [:]
        for (name, value) in request.headers { fields[name.lowercased(), default: []].append(value) }
        if let authenticator {
            var seen = fields
            for name in configuration.authenticationParameters {
                if let value = request.queryValue(name) { seen[name.lowercased(), default: []].append(value) }
            }
            do {
                request.context.authentication = try await authenticator.authenticate(headers: seen)
            } catch let error as AuthenticationUnavailable {
                var refusal = service.refusal(.serviceUnavailable, "\(error)", for: request)
                if let delay = error.retryDelay {
                    let (seconds, attoseconds) = delay.components
                    refusal.headers.replaceOrAdd(
                        name: "Retry-After", value: "\(seconds + (attoseconds > 0 ? 1 : 0))")
                }
                return decorated(refusal)
            } catch {
                var refusal = service.refusal(.unauthorized, "\(error)", for: request)
                refusal.headers.replaceOrAdd(name: "WWW-Authenticate", value: authenticator.challenge)
                return decorated(refusal)
            }
        }
        if configuration.includesMetadata { request.context.metadata = fields }
        var bytes = Array(body.readableBytesView)
        if coding != "", coding != "identity" {
            guard let coding = ContentCoding(rawValue: coding), configuration.contentCodings.contains(coding) else {
                return decorated(
                    service.refusal(.badRequest, "unsupported Content-Encoding: \(coding)", for: request))
            }
            do {
                bytes = try coding.decode(bytes, limitBytes: configuration.maximumBodyBytes)
            } catch {
                return decorated(service.refusal(.badRequest, "cannot read the body: \(error)", for: request))
            }
        }
        request.body = bytes
        return decorated(await service.answer(request))
    }

    private func makeRequest(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) -> HTTPRequest {
        let parts = head.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let peer = context.channel.remoteAddress ?? context.channel.parent?.remoteAddress
        return HTTPRequest(
            method: head.method, path: parts.first.map(String.init) ?? "/",
            query: parts.count > 1 ? String(parts[1]) : "", headers: head.headers, body: [],
            context: RequestContext(clientAddress: peer?.ipAddress))
    }

    private func refuse(
        _ status: HTTPResponseStatus, _ reason: String, _ head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        state = .refused
        // The rest of the body is not read, so the connection is of no more use.
        write(service.refusal(status, reason, for: makeRequest(head, context)), to: head, closing: true, context)
    }

    private func write(
        _ answer: HTTPAnswer, to request: HTTPRequestHead, closing: Bool, _ context: ChannelHandlerContext
    ) {
        var headers = answer.headers
        for (name, value) in configuration.responseHeaders { headers.replaceOrAdd(name: name, value: value) }
        let hasBody = answer.status.mayHaveResponseBody && request.method != .HEAD
        if answer.status.mayHaveResponseBody {
            headers.replaceOrAdd(name: "Content-Length", value: "\(answer.body.count)")
        }
        let keepsConnection = request.isKeepAlive && configuration.keepsConnections && !closing
        // In HTTP/2 a stream is one request, and there is no such header.
        let isStream = request.version.major == 2
        if !keepsConnection, !isStream { headers.replaceOrAdd(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(HTTPResponseHead(version: request.version, status: answer.status, headers: headers))),
            promise: nil)
        if hasBody, !answer.body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        }
        let done = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        if !keepsConnection { done.futureResult.whenComplete { _ in channel.close(promise: nil) } }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: done)
        if case .answering = state { state = .idle }
        setTimer(configuration.idleTimeout, context)
    }

    /// Closes the connection if nothing else happens in time.
    private func setTimer(_ timeout: Duration, _ context: ChannelHandlerContext) {
        timer?.cancel()
        timer = nil
        guard timeout > .zero else { return }
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: TimeAmount(timeout)) { channel.close(promise: nil) }
    }
}

extension HTTPResponseStatus {
    var mayHaveResponseBody: Bool {
        switch code {
        case 100..<200, 204, 304: false
        default: true
        }
    }
}
