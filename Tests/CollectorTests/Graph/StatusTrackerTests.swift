import Testing

@testable import Collector

struct StatusTrackerTests {
    let instance = ComponentInstanceID(kind: .receiver, id: ComponentID(type: "rx"), scope: "logs")

    @Test(arguments: [
        ([], "ok", nil), (["starting"], "ok", "StatusOK"), (["starting", "ok"], "recoverable", "StatusRecoverableError"),
        (["starting", "recoverable"], "ok", "StatusOK"), (["starting", "permanent"], "ok", nil),
        (["starting", "permanent"], "fatal", "StatusFatalError"), (["starting", "fatal"], "ok", nil),
        (["starting", "ok"], "stopping", "StatusStopping"), (["starting", "ok", "stopping"], "ok", nil),
        (["starting", "ok", "stopping"], "stopped", "StatusStopped"), (["starting", "ok", "stopping", "stopped"], "ok", nil),
        (["starting", "ok"], "starting", nil), (["starting"], "stopped", nil),
    ])
    func followsTheStateMachine(steps: [String], next: String, expected: String?) {
        func status(_ word: String) -> ComponentStatus {
            switch word {
            case "starting": .starting
            case "ok": .ok
            case "recoverable": .recoverableError(TestError("r"))
            case "permanent": .permanentError(TestError("p"))
            case "fatal": .fatalError(TestError("f"))
            case "stopping": .stopping
            default: .stopped
            }
        }
        let tracker = StatusTracker { _, _ in }
        for step in steps { tracker.report(status(step), for: instance) }
        let before = tracker.status(of: instance)?.name
        #expect(before == steps.last.map { status($0).name })
        tracker.report(status(next), for: instance)
        #expect(tracker.status(of: instance)?.name == expected ?? before)
    }

    @Test func passesOnFatalErrorsOnce() {
        let journal = Journal()
        let tracker = StatusTracker { instance, error in journal.write("\(instance): \(error)") }
        tracker.report(.starting, for: instance)
        tracker.report(.fatalError(TestError("dead")), for: instance)
        tracker.report(.fatalError(TestError("again")), for: instance)
        #expect(journal.all == ["receiver \"rx\" (logs): dead"])
    }
}
