extension Program {
    /// Lets nothing lead to a jump any more.
    mutating func skipJumps() {
        for index in instructions.indices {
            instructions[index].next = target(of: instructions[index].next)
            if instructions[index].operation == .choice {
                instructions[index].argument = target(of: instructions[index].argument)
            }
        }
        entry = target(of: entry)
    }

    /// Where one arrives behind the jumps that may begin here. Jumps lead from a block to behind it, never in circles.
    private mutating func target(of start: UInt32) -> UInt32 {
        var end = start
        while end != Instruction.none, instructions[Int(end)].operation == .jump { end = instructions[Int(end)].next }
        // Shortens the chain for whoever comes next, so that all chains together cost little.
        var index = start
        while index != end {
            let next = instructions[Int(index)].next
            instructions[Int(index)].next = end
            index = next
        }
        return end
    }

    /// Finds what every match begins with: the one way from the entry, as long as there is just one.
    mutating func findPrefix() {
        var index = entry
        var text = String.UnicodeScalarView()
        // No circles: a way back would pass a choice.
        while index != Instruction.none {
            let instruction = instructions[Int(index)]
            switch instruction.operation {
            case .capture:
                break
            case .assertion where text.isEmpty && instruction.argument == UInt32(Assertions.textStart.rawValue):
                isAnchored = true
            case .literal where !isAnchored && instruction.argument != 0xFFFD:
                // U+FFFD stands for damaged bytes too, so it is no text that could be searched for.
                guard let scalar = Unicode.Scalar(instruction.argument) else { return store(text) }
                text.append(scalar)
            default:
                return store(text)
            }
            index = instruction.next
        }
    }

    private mutating func store(_ text: String.UnicodeScalarView) {
        prefix = Array(String(text).utf8.prefix(Self.longestPrefix))
    }
}
