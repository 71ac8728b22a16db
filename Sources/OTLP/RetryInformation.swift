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
