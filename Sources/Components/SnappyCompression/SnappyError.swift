public enum SnappyError: Error, Equatable, CustomStringConvertible {
    /// The input is damaged, or of another format.
    case invalidData(String)
    /// The input ends too early.
    case truncated
    /// The output would exceed the limit that the caller has set.
    case tooLarge(limitBytes: Int)

    public var description: String {
        switch self {
        case .invalidData(let reason): "the compressed data is damaged or of another format: \(reason)"
        case .truncated: "the compressed data ends too early"
        case .tooLarge(let limit): "the data exceeds \(limit) bytes after decompression"
        }
    }
}
