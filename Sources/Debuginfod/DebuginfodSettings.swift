/// What a client of debuginfod servers is told.
public struct DebuginfodSettings: Sendable, Equatable {
    /// `http` or `https`; asked in this order.
    public var urls: [String]
    /// Laid out as that of elfutils' client, which may share it: `BUILD-ID/debuginfo`.
    public var cacheFolder: String
    /// All files in the cache together.
    public var cacheLimitBytes = 2 << 30
    /// Larger files are not fetched.
    public var fileLimitBytes = 1 << 30
    /// For one file from one server, from the question to the last byte.
    public var timeout = Duration.seconds(90)
    /// How long a server's "not found" holds.
    public var missingFor = Duration.seconds(600)
    /// Downloads at a time.
    public var concurrency = 2

    public init(urls: [String], cacheFolder: String) {
        self.urls = urls
        self.cacheFolder = cacheFolder
    }
}
