/// The way of one buffer's documents to their end: accepted, or lost for a stated reason. No clock, no network: events
/// go in, and what to do next comes out.
///
/// A round sends every document that is still open. What failed in a way that may pass waits for the next round, so
/// every document has as many attempts as there were rounds with it.
struct BulkFlight {
    enum Loss: Hashable, Sendable {
        /// The server refused the document, or the whole request.
        case refused(status: Int, type: String)
        /// A single document that the server finds too large.
        case tooLarge(bytes: Int)
        /// No answer came.
        case unreachable

        var status: Int {
            switch self {
            case .refused(let status, _): status
            case .tooLarge: 413
            case .unreachable: 0
            }
        }
    }

    enum Verdict: Sendable {
        case accepted
        /// May pass: the next round tries again; if there is none, this is why it is lost.
        case open(Loss, reason: String)
        case lost(Loss, reason: String)
    }

    /// A document, by its index in the buffer, that did not arrive.
    struct LostDocument: Sendable {
        var document: Int
        var loss: Loss
        var reason: String
    }

    private let sizes: [Int]
    /// Still to be sent in this round, in reverse: the next is the last.
    private var current: [Int]
    private var next: [(document: Int, loss: Loss, reason: String)] = []
    private(set) var accepted: [Int] = []
    private(set) var lost: [LostDocument] = []
    /// Rounds that have ended.
    private(set) var rounds = 0
    /// Documents that an answer was missing for may have arrived all the same.
    private(set) var mayHaveArrived: Set<Int> = []
    /// The longest that a server asked to wait in this round.
    private(set) var requestedPause: Duration = .zero

    /// - Parameter sizes: Bytes of each document.
    init(sizes: [Int]) {
        self.sizes = sizes
        current = Array(sizes.indices.reversed())
    }

    /// The documents of the next request: as many as fit, at least one; nil at the end of the round.
    mutating func nextRequest(maximumBytes: Int) -> [Int]? {
        guard let first = current.popLast() else { return nil }
        var request = [first]
        var bytes = sizes[first]
        while let document = current.last, sizes[document] <= maximumBytes - bytes {
            current.removeLast()
            request.append(document)
            bytes += sizes[document]
        }
        return request
    }

    func bytes(of request: [Int]) -> Int { request.reduce(0) { $0 + sizes[$1] } }

    // MARK: - What became of a request

    /// An answer came, with a verdict on each document.
    mutating func answered(_ request: [Int], _ verdicts: [Verdict]) {
        for (document, verdict) in zip(request, verdicts) { settle(document, verdict) }
    }

    /// The same became of all its documents.
    mutating func ended(_ request: [Int], _ verdict: Verdict) {
        for document in request { settle(document, verdict) }
    }

    /// No answer came, but the request may have been carried out.
    mutating func leftInDoubt(_ request: [Int], reason: String) {
        mayHaveArrived.formUnion(request)
        ended(request, .open(.unreachable, reason: reason))
    }

    /// The server found the request too large. A single document is lost; several go again, in smaller requests.
    mutating func tooLarge(_ request: [Int], reason: String) {
        guard request.count > 1 else {
            ended(request, .lost(.tooLarge(bytes: bytes(of: request)), reason: reason))
            return
        }
        current.append(contentsOf: request.reversed())
    }

    mutating func pauseRequested(_ pause: Duration) { requestedPause = max(requestedPause, pause) }

    private mutating func settle(_ document: Int, _ verdict: Verdict) {
        switch verdict {
        case .accepted: accepted.append(document)
        case .open(let loss, let reason): next.append((document, loss, reason))
        case .lost(let loss, let reason):
            lost.append(LostDocument(document: document, loss: loss, reason: reason))
        }
    }

    // MARK: - Rounds

    /// How many documents wait for the next round.
    var openCount: Int { next.count }
    /// Why the first of them does.
    var openReason: String { next.first?.reason ?? "" }

    /// Begins the next round.
    mutating func retry() {
        rounds += 1
        requestedPause = .zero
        current = next.map(\.document).reversed()
        next = []
    }

    /// There is no next round: what is open is lost.
    mutating func giveUp() {
        for open in next { lost.append(LostDocument(document: open.document, loss: open.loss, reason: open.reason)) }
        next = []
    }
}
