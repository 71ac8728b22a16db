import SwiftProtobuf

public typealias OTLPStatus = Google_Rpc_Status

extension Google_Rpc_Status {
    /// How long the server asks to wait before the next attempt, from a `RetryInfo` among the details; between zero and
    /// one day, whatever the server says.
    public var retryDelay: Duration? {
        for detail in details where detail.isA(Google_Rpc_RetryInfo.self) {
            guard let information = try? Google_Rpc_RetryInfo(unpackingAny: detail), information.hasRetryDelay else {
                continue
            }
            let delay = information.retryDelay
            let seconds = min(max(delay.seconds, 0), 86_400)
            let nanoseconds = min(max(delay.nanos, 0), 999_999_999)
            return .seconds(seconds) + .nanoseconds(Int64(nanoseconds))
        }
        return nil
    }
}

extension Google_Rpc_Status {
    /// Asks the sender to wait that long before its next attempt.
    public mutating func addRetryInformation(_ delay: Duration) {
        let (seconds, attoseconds) = delay.components
        let information = Google_Rpc_RetryInfo.with {
            $0.retryDelay = .with {
                $0.seconds = seconds
                $0.nanos = Int32(clamping: attoseconds / 1_000_000_000)
            }
        }
        // A message of three numbers always packs.
        if let detail = try? Google_Protobuf_Any(message: information) { details.append(detail) }
    }
}
