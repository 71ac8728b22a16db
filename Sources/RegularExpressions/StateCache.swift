/// A deterministic automaton that is built while texts are matched: its states are sets of the program's states. Most
/// characters then cost one look-up. When its memory is used up it starts anew; when that does not pay, the rest of the
/// text is left to the simulation, so that time stays linear in the text whatever the expression.
struct StateCache: Sendable {
    struct State: Hashable, Sendable {
        /// Ascending; only those that consume a character or assert something.
        var instructions: [UInt32]
        /// What came before, if an assertion may ask; otherwise `other`.
        var before: Neighbour
    }

    /// What transitions lead to, apart from the row of a state.
    enum Target {
        static let unknown: Int32 = -1
        /// No match can come any more.
        static let failure: Int32 = -2
        static let match: Int32 = -3
    }

    /// Rows of one target per group of the alphabet and one for the text's end; a target is the index of a row's first.
    private var transitions: [Int32] = []
    private var states: [State] = []
    private var rows: [State: Int32] = [:]
    private let startState: State
    /// The start state's row, or a target.
    private let start: Int32
    private let rowLength: Int
    private var simulation: Simulation
    private var bytes = 0
    private let limitBytes: Int
    /// How often the cache was full and started anew.
    private(set) var clearings = 0
    /// Bytes of texts read since then.
    private var scanned = 0

    init(_ program: Program, _ alphabet: Alphabet, limitBytes: Int) {
        self.limitBytes = limitBytes
        rowLength = alphabet.count + 1
        simulation = Simulation(program)
        let hasMatched = simulation.start(program)
        startState = Self.state(of: simulation, program)
        start = hasMatched ? Target.match : startState.instructions.isEmpty ? Target.failure : 0
        if start == 0 { addRow(startState) }
    }

    /// Whether the program matches anywhere in the text.
    /// - Parameter steps: Grows by the work done: bytes read and instructions visited.
    mutating func matches(
        _ program: Program, _ alphabet: Alphabet, _ text: UnsafeBufferPointer<UInt8>, steps: inout Int
    ) -> Bool {
        guard start == 0 else { return start == Target.match }
        let stepsBefore = simulation.steps
        var place = Place(offset: 0, row: 0, group: 0)
        var counted = 0
        defer {
            scanned += place.offset - counted
            steps += place.offset + simulation.steps - stepsBefore
        }
        while true {
            var target = scan(program, alphabet, text, &place)
            if target == Target.unknown {
                let (statesBefore, clearingsBefore) = (states.count, clearings)
                target = addTransition(program, alphabet, place)
                if clearings != clearingsBefore {
                    // A state should serve for some bytes at least before it is worth building.
                    scanned += place.offset - counted
                    counted = place.offset
                    let pays = scanned >= 10 * statesBefore
                    scanned = 0
                    if !pays, target >= 0 { return simulate(program, text, &place.offset) }
                }
            }
            guard target >= 0 else { return target == Target.match }
            place.row = Int(target)
        }
    }

    /// Where a scan is: the offset of the next byte, the state's row, and the group that was read last.
    private struct Place {
        var offset: Int
        var row: Int
        var group: Int
    }

    /// Follows known transitions.
    /// - Returns: the first target that is not a row.
    private func scan(
        _ program: Program, _ alphabet: Alphabet, _ text: UnsafeBufferPointer<UInt8>, _ place: inout Place
    ) -> Int32 {
        // In the start state nothing has been found, so the search can go on where the prefix is next.
        let skippingRow = program.prefix.isEmpty ? -1 : 0
        return transitions.withUnsafeBufferPointer { transitions in
            alphabet.ascii.withUnsafeBufferPointer { ascii in
                var (offset, row, group) = (place.offset, place.row, 0)
                defer { place = Place(offset: offset, row: row, group: group) }
                while offset < text.count {
                    if row == skippingRow {
                        guard let next = program.firstPrefix(in: text, from: offset) else {
                            offset = text.count
                            return Target.failure
                        }
                        offset = next
                    }
                    let byte = text[offset]
                    if byte < 0x80 {
                        group = Int(ascii[Int(byte)])
                        offset += 1
                    } else {
                        let scalar = text.decodeScalar(at: offset)
                        group = Int(alphabet.group(of: scalar.value))
                        offset += scalar.width
                    }
                    let target = transitions[row + group]
                    guard target >= 0 else { return target }
                    row = Int(target)
                }
                group = alphabet.count
                return transitions[row + group]
            }
        }
    }

    /// Finds out where a transition leads, and keeps it.
    private mutating func addTransition(_ program: Program, _ alphabet: Alphabet, _ place: Place) -> Int32 {
        let state = states[place.row / rowLength]
        simulation.restore(state.instructions, before: state.before)
        let isEnd = place.group == alphabet.count
        let hasMatched = simulation.step(program, isEnd ? nil : alphabet.representatives[place.group])
        let next = Self.state(of: simulation, program)
        let index = place.row + place.group
        if hasMatched || next.instructions.isEmpty {
            transitions[index] = hasMatched ? Target.match : Target.failure
            return transitions[index]
        }
        if let known = rows[next] {
            transitions[index] = known
            return known
        }
        if bytes > limitBytes {
            // The row that led here goes too.
            clearings &+= 1
            transitions.removeAll(keepingCapacity: true)
            states.removeAll(keepingCapacity: true)
            rows.removeAll(keepingCapacity: true)
            bytes = 0
            addRow(startState)
            return next == startState ? 0 : addRow(next)
        }
        let row = addRow(next)
        transitions[index] = row
        return row
    }

    @discardableResult
    private mutating func addRow(_ state: State) -> Int32 {
        let row = Int32(transitions.count)
        transitions.append(contentsOf: repeatElement(Target.unknown, count: rowLength))
        states.append(state)
        rows[state] = row
        // The list of instructions is stored once and referred to twice; 100 is about what its keeping takes.
        bytes += 4 * (rowLength + state.instructions.count) + 100
        return row
    }

    private static func state(of simulation: Simulation, _ program: Program) -> State {
        var instructions: [UInt32] = []
        var asserts = false
        for place in 0..<simulation.states.count {
            let instruction = simulation.states[place]
            switch program.instructions[Int(instruction)].operation {
            case .assertion:
                asserts = true
                instructions.append(instruction)
            case .literal, .set: instructions.append(instruction)
            default: break
            }
        }
        instructions.sort()
        return State(instructions: instructions, before: asserts ? simulation.before : .other)
    }

    /// Matches the rest of the text without keeping states.
    private mutating func simulate(
        _ program: Program, _ text: UnsafeBufferPointer<UInt8>, _ offset: inout Int
    ) -> Bool {
        while offset < text.count {
            let scalar = text.decodeScalar(at: offset)
            offset += scalar.width
            if simulation.step(program, scalar.value) { return true }
            if program.isAnchored, simulation.states.count == 0 { return false }
        }
        return simulation.step(program, nil)
    }
}
