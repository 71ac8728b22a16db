/// Instructions in the order of their insertion. Nothing takes longer than the instructions that are in it: a number is
/// in the set if its place in `order` leads to it, so emptying need not clean.
struct InstructionSet: Sendable {
    private(set) var count = 0
    private var order: [UInt32]
    private var places: [UInt32]

    /// - Parameter capacity: All instructions are below.
    init(capacity: Int) {
        order = [UInt32](repeating: 0, count: capacity)
        places = order
    }

    subscript(place: Int) -> UInt32 { order[place] }

    func contains(_ instruction: UInt32) -> Bool {
        let place = places[Int(instruction)]
        return place < count && order[Int(place)] == instruction
    }

    /// - Returns: false if it was there.
    mutating func insert(_ instruction: UInt32) -> Bool {
        if contains(instruction) { return false }
        order[count] = instruction
        places[Int(instruction)] = UInt32(count)
        count += 1
        return true
    }

    mutating func removeAll() { count = 0 }
}
