/// The documents of one batch on their way: collects them in a buffer and sends it whenever it is full, so that a batch
/// of any size takes no more memory than a request.
struct BulkSession {
    private let client: BulkClient
    private let maximumBytes: Int
    private let confirm: @Sendable ([DocumentIdentity]) -> Void
    var buffer = BulkBuffer()
    private(set) var lostItems: [ItemRange] = []
    private(set) var lostDocuments = 0
    private(set) var reason = ""

    /// - Parameter confirm: Told of documents that the server has acknowledged.
    init(client: BulkClient, maximumBytes: Int, confirm: @escaping @Sendable ([DocumentIdentity]) -> Void = { _ in }) {
        self.client = client
        self.maximumBytes = maximumBytes
        self.confirm = confirm
    }

    mutating func flushIfFull() async {
        if buffer.bytes.count >= maximumBytes { await flush() }
    }

    mutating func flush() async {
        // Out of here while the rest of it changes.
        var full = BulkBuffer()
        swap(&full, &buffer)
        await flush(&full)
        swap(&full, &buffer)
    }

    /// Sends what is in a buffer and empties it.
    mutating func flush(_ buffer: inout BulkBuffer) async {
        guard !buffer.isEmpty else { return }
        let outcome = await client.send(buffer)
        buffer.removeAll()
        confirm(outcome.confirmed)
        lostItems += outcome.lostItems
        lostDocuments += outcome.lostDocuments
        if reason.isEmpty { reason = outcome.reason }
    }

    /// How many items the ranges cover, each counted once.
    static func count(_ ranges: [ItemRange]) -> Int {
        var total = 0
        var end = Int.min
        for range in ranges.sorted(by: { $0.first < $1.first }) {
            let first = max(Int(range.first), end)
            let last = Int(range.first) + Int(range.count)
            if last > first { total += last - first }
            end = max(end, last)
        }
        return total
    }
}
