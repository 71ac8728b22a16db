/// Where profiles are kept and for how long.
public struct StoreConfiguration: Sendable, Equatable {
    /// Folder that holds the database; created with mode 0700 when missing. One process may use it at a time.
    public var directory: String
    /// Samples older than this are removed.
    public var maximumAgeSeconds: Int64
    /// The oldest samples are removed when the database grows beyond this many bytes (its write-ahead log not counted).
    public var maximumSizeBytes: Int64
    /// Samples are aggregated into buckets of this length; the finest window that a query can ask for.
    public var bucketSeconds: Int64
    /// Buckets older than this are merged into buckets of `compactedBucketSeconds`, without loss of counts.
    public var compactAfterSeconds: Int64

    public static let defaultDirectory = "/var/lib/otelcol/profilestore"

    /// Length of merged buckets; a multiple of every allowed `bucketSeconds`.
    public static let compactedBucketSeconds: Int64 = 60

    public init(
        directory: String = StoreConfiguration.defaultDirectory, maximumAgeSeconds: Int64 = 24 * 3600,
        maximumSizeBytes: Int64 = 1 << 30, bucketSeconds: Int64 = 10, compactAfterSeconds: Int64 = 3600
    ) {
        self.directory = directory
        self.maximumAgeSeconds = maximumAgeSeconds
        self.maximumSizeBytes = maximumSizeBytes
        self.bucketSeconds = bucketSeconds
        self.compactAfterSeconds = compactAfterSeconds
    }
}
