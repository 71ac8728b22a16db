import Foundation
import Glibc
import LiveSupport
import Testing

/// The program itself with a queue on disk, a sender and a back end in Python that know what was sent
/// (`Tests/Support/Python/persistent_queue.py`).
@Suite(.serialized) struct PersistentQueueLiveTests {
    struct Outcome: Decodable {
        var acknowledged: Int
        /// Acknowledged, and never arrived.
        var lost: Int
        /// Arrived, and was not a whole batch as it was sent.
        var broken: Int
        /// The program's code at the end.
        var exit: Int
        /// Its lines of level error.
        var log: [String]
        var kills: Int?
        var outages: Int?
        var refused: Int?
        var alive: Bool?
    }

    static let program: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? ""
        return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/otelcol"
    }()

    static func run(_ arguments: [String], wrapped: [String] = []) async throws -> (outcome: Outcome, text: String) {
        let text = try await Command.run(
            wrapped + [PythonEnvironment.interpreter, PythonEnvironment.script("persistent_queue.py")] + arguments,
            includingStandardError: false)
        return (try JSONDecoder().decode(Outcome.self, from: Data(text.utf8)), text)
    }

    /// Killed again and again, at moments that the seed determines, while the back end comes and goes.
    /// `OTELCOL_CHAOS_SECONDS` makes it longer.
    @Test(.enabled(if: try Live.has(.path(PythonEnvironment.interpreter))))
    func nothingAcknowledgedIsLost() async throws {
        let seconds = getenv("OTELCOL_CHAOS_SECONDS").map { String(cString: $0) } ?? "10"
        let seed = UInt32.random(in: 0...UInt32.max)
        let (outcome, text) = try await Self.run(["kill", Self.program, "--seconds", seconds, "--seed", "\(seed)"])
        #expect(outcome.lost == 0 && outcome.broken == 0, "seed \(seed): \(text)")
        #expect(outcome.acknowledged > 0 && outcome.kills ?? 0 > 1 && outcome.outages ?? 0 > 1, "\(text)")
        #expect(outcome.exit == 0, "\(text)")
    }

    /// What does not fit is refused, with a reason; what was acknowledged arrives; afterwards there is room again.
    @Test(.enabled(if: try Live.has(.root, .tool("unshare"), .path(PythonEnvironment.interpreter))))
    func aFullDiskIsOneRefusedBatchAfterTheOther() async throws {
        let (outcome, text) = try await Self.run(["full", Self.program], wrapped: ["unshare", "-m"])
        #expect(outcome.alive == true && outcome.refused == 20, "\(text)")
        #expect(outcome.lost == 0 && outcome.broken == 0 && outcome.exit == 0, "\(text)")
        #expect(text.contains("\"afterwards\": 10"), "\(text)")
        let refusals = outcome.log.filter { $0.contains("Rejecting data") }
        #expect(refusals.count == 20 && refusals.allSatisfy { $0.contains("No space left on device") }, "\(text)")
    }

    /// One batch is gone, one line says so, and the others arrive.
    @Test(.enabled(if: try Live.has(.path(PythonEnvironment.interpreter))))
    func damageCostsOneBatch() async throws {
        let (outcome, text) = try await Self.run(["damaged", Self.program])
        #expect(outcome.acknowledged == 200 && outcome.lost <= 1 && outcome.broken == 0, "\(text)")
        #expect(outcome.log.count == 1 && outcome.log[0].contains("damaged"), "\(text)")
        #expect(text.contains("\"afterwards\": true") && outcome.exit == 0, "\(text)")
    }
}
