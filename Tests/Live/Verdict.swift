/// What the samples of one proof program say about the profiler.
struct Verdict: Sendable, CustomStringConvertible {
    let program: ProofProgram
    private let stack: StackPattern
    /// Samples with a user frame.
    private(set) var total = 0
    private(set) var busy = 0
    private(set) var conforming = 0
    /// The stacks that do not match, by weight.
    private(set) var deviations: [[ProofFrame]: Int] = [:]

    /// - Parameter samples: those of the program only.
    /// - Parameter isOracle: they are another unwinder's.
    init(_ program: ProofProgram, _ samples: [ProofSample], isOracle: Bool = false) {
        self.program = program
        stack = isOracle ? program.oracleStack ?? program.stack : program.stack
        for sample in samples where sample.frames.contains(where: { !$0.isKernel }) {
            total += sample.weight
            guard sample.frames.contains(where: program.busy.matches) else { continue }
            busy += sample.weight
            if stack.matches(sample.frames) {
                conforming += sample.weight
            } else {
                deviations[sample.frames, default: 0] += sample.weight
            }
        }
    }

    /// At least 99 % of the busy samples are complete and in order, and the program was seen to be busy.
    var isProven: Bool {
        busy > 0 && Double(busy) >= program.busyShare * Double(total) && conforming * 100 >= busy * 99
    }

    var description: String {
        var text = "\(program.name): \(conforming) of \(busy) busy samples match, \(total) in all"
        text += " (share \(program.busyShare) wanted)\n  expected: \(stack)"
        for (frames, weight) in deviations.sorted(by: { $0.value > $1.value }).prefix(3) {
            text += "\n  \(weight) × \(Self.shortened(frames))"
        }
        return text
    }

    /// Runs of one frame are counted instead of repeated.
    private static func shortened(_ frames: [ProofFrame]) -> String {
        var parts: [(ProofFrame, Int)] = []
        for frame in frames {
            if let last = parts.last, last.0 == frame {
                parts[parts.count - 1].1 += 1
            } else {
                parts.append((frame, 1))
            }
        }
        return parts.map { $1 == 1 ? "\($0)" : "\($0)×\($1)" }.joined(separator: " < ")
    }
}
