/// Executes a program on all its paths at once, without remembering groups: for whether there is a match, the order of
/// preference does not matter.
struct Simulation: Sendable {
    /// Where paths stand before the next character; choices and captures that led there are in it too.
    private(set) var states: InstructionSet
    /// What came before; of interest only to assertions.
    private(set) var before = Neighbour.edge
    /// The same paths, with those that waited for an assertion gone on or dropped.
    private var decided: InstructionSet
    private var pending: [UInt32] = []
    /// Instructions visited so far: what matching costs.
    private(set) var steps = 0

    init(_ program: Program) {
        states = InstructionSet(capacity: program.instructions.count)
        decided = states
    }

    /// Continues from given states.
    mutating func restore(_ instructions: [UInt32], before: Neighbour) {
        states.removeAll()
        for instruction in instructions { _ = states.insert(instruction) }
        self.before = before
    }

    /// Places the program at the text's start.
    /// - Returns: whether it has matched.
    mutating func start(_ program: Program) -> Bool {
        states.removeAll()
        before = .edge
        return Self.follow(program, from: program.entry, holding: [], into: &states, &pending, &steps)
    }

    /// Consumes a character; nil is the text's end.
    /// - Returns: whether the program has matched, before that character or behind it.
    mutating func step(_ program: Program, _ scalar: UInt32?) -> Bool {
        if program.hasAssertions {
            let neighbour = scalar.map { Neighbour($0) } ?? .edge
            let holding = Assertions(before: before, after: neighbour)
            decided.removeAll()
            for place in 0..<states.count
            where Self.follow(program, from: states[place], holding: holding, into: &decided, &pending, &steps) {
                return true
            }
            before = neighbour
        } else {
            swap(&states, &decided)
        }
        states.removeAll()
        guard let scalar else { return false }
        for place in 0..<decided.count {
            steps += 1
            let instruction = program.instructions[Int(decided[place])]
            if program.consumes(instruction, scalar),
                Self.follow(program, from: instruction.next, holding: [], into: &states, &pending, &steps)
            {
                return true
            }
        }
        // The search is not anchored: a match may begin here too.
        return !program.isAnchored
            && Self.follow(program, from: program.entry, holding: [], into: &states, &pending, &steps)
    }

    /// Adds an instruction and all that can be reached from it without a character.
    /// - Parameters:
    ///   - holding: Paths stop at other assertions.
    ///   - pending: Scratch space, empty before and after.
    /// - Returns: whether the match is reached.
    private static func follow(
        _ program: Program, from start: UInt32, holding: Assertions, into set: inout InstructionSet,
        _ pending: inout [UInt32], _ steps: inout Int
    ) -> Bool {
        pending.append(start)
        while let index = pending.popLast() {
            steps += 1
            guard set.insert(index) else { continue }
            let instruction = program.instructions[Int(index)]
            switch instruction.operation {
            case .match:
                pending.removeAll(keepingCapacity: true)
                return true
            case .literal, .set:
                break
            case .assertion:
                if holding.contains(Assertions(rawValue: UInt8(truncatingIfNeeded: instruction.argument))) {
                    pending.append(instruction.next)
                }
            case .capture, .jump:
                pending.append(instruction.next)
            case .choice:
                pending.append(instruction.argument)
                pending.append(instruction.next)
            }
        }
        return false
    }
}
