/// Makes a program of a syntax tree, in one pass over its nodes.
///
/// The code of a value is one block of instructions with one entry and one exit, an instruction that leads nowhere yet.
/// Blocks refer to nothing outside of themselves, so that counted repetitions can copy them.
struct Compiler {
    private struct Block {
        /// Index of its first instruction; it reaches to where the next value's begins.
        var start: Int
        var entry: UInt32
        var exit: UInt32
        /// Whether it can match the empty text.
        var isNullable: Bool
    }

    private var instructions: [Program.Instruction] = []
    private var blocks: [Block] = []

    static func compile(_ tree: SyntaxTree) throws(RegularExpressionError) -> Program {
        var compiler = Compiler()
        for node in tree.nodes { try compiler.add(node) }
        let match = try compiler.emit(.match)
        var program = Program(
            instructions: compiler.instructions, sets: tree.sets, entry: match, slots: 2 * tree.groupNames.count)
        if let whole = compiler.blocks.first {
            compiler.connect(whole.exit, to: match)
            program.instructions = compiler.instructions
            program.entry = whole.entry
        }
        guard program.instructions.count * program.slots <= Limits.capturedPositions else { throw compiler.tooLarge }
        program.hasAssertions = program.instructions.contains { $0.operation == .assertion }
        program.skipJumps()
        program.findPrefix()
        return program
    }

    private var tooLarge: RegularExpressionError {
        RegularExpressionError(
            message: "it is too large with its repetitions written out; use smaller counts or fewer groups", offset: 0)
    }

    private mutating func add(_ node: SyntaxTree.Node) throws(RegularExpressionError) {
        let start = instructions.count
        switch node {
        case .empty:
            push(try emit(.jump), start: start, isNullable: true)
        case .literal(let scalar):
            push(try emit(.literal, argument: scalar), start: start, isNullable: false)
        case .set(let index):
            push(try emit(.set, argument: UInt32(index)), start: start, isNullable: false)
        case .assertion(let assertion):
            push(try emit(.assertion, argument: UInt32(assertion.rawValue)), start: start, isNullable: true)
        case .concatenation(let count):
            concatenate(count)
        case .alternation(let count):
            try alternate(count)
        case .capture(let group):
            let block = blocks.removeLast()
            let open = try emit(.capture, argument: UInt32(2 * group), next: block.entry)
            let close = try emit(.capture, argument: UInt32(2 * group + 1))
            connect(block.exit, to: close)
            blocks.append(Block(start: block.start, entry: open, exit: close, isNullable: block.isNullable))
        case .repetition(let minimum, let maximum, let isGreedy):
            try `repeat`(minimum, maximum, isGreedy)
        }
    }

    // MARK: - Instructions

    private mutating func emit(
        _ operation: Program.Instruction.Operation, argument: UInt32 = 0, next: UInt32 = Program.Instruction.none
    ) throws(RegularExpressionError) -> UInt32 {
        guard instructions.count < Limits.instructions else { throw tooLarge }
        instructions.append(Program.Instruction(operation: operation, next: next, argument: argument))
        return UInt32(instructions.count - 1)
    }

    /// A choice between `target` and what follows.
    private mutating func emitChoice(_ target: UInt32, isGreedy: Bool) throws(RegularExpressionError) -> UInt32 {
        let none = Program.Instruction.none
        return try emit(.choice, argument: isGreedy ? none : target, next: isGreedy ? target : none)
    }

    private mutating func connect(_ exit: UInt32, to target: UInt32) {
        let index = Int(exit)
        if instructions[index].next == Program.Instruction.none {
            instructions[index].next = target
        } else {
            instructions[index].argument = target
        }
    }

    private mutating func push(_ instruction: UInt32, start: Int, isNullable: Bool) {
        blocks.append(Block(start: start, entry: instruction, exit: instruction, isNullable: isNullable))
    }

    // MARK: - Values

    private mutating func concatenate(_ count: Int) {
        let parts = Array(blocks.suffix(count))
        guard let first = parts.first, let last = parts.last else { return }
        for (one, next) in zip(parts, parts.dropFirst()) { connect(one.exit, to: next.entry) }
        let whole = Block(
            start: first.start, entry: first.entry, exit: last.exit, isNullable: parts.allSatisfy(\.isNullable))
        blocks.removeLast(count)
        blocks.append(whole)
    }

    private mutating func alternate(_ count: Int) throws(RegularExpressionError) {
        let parts = Array(blocks.suffix(count))
        guard let first = parts.first, var entry = parts.last?.entry else { return }
        let exit = try emit(.jump)
        for part in parts { connect(part.exit, to: exit) }
        for part in parts.dropLast().reversed() { entry = try emit(.choice, argument: entry, next: part.entry) }
        blocks.removeLast(count)
        let isNullable = parts.contains(where: \.isNullable)
        blocks.append(Block(start: first.start, entry: entry, exit: exit, isNullable: isNullable))
    }

    private mutating func `repeat`(
        _ minimum: Int, _ maximum: Int?, _ isGreedy: Bool
    ) throws(RegularExpressionError) {
        let block = blocks.removeLast()
        if maximum == 0 {
            instructions.removeLast(instructions.count - block.start)
            push(try emit(.jump), start: block.start, isNullable: true)
            return
        }
        // x{n,} is n - 1 times x, then x+. x{n,m} is n times x, then (x(x(x)?)?)? of m - n.
        let copies = try copy(block, times: maximum ?? max(minimum, 1))
        if maximum == nil {
            blocks.append(contentsOf: copies.dropLast())
            let repeated = copies[copies.count - 1]
            blocks.append(minimum == 0 ? try star(repeated, isGreedy) : try plus(repeated, isGreedy))
            return concatenate(copies.count)
        }
        blocks.append(contentsOf: copies.prefix(minimum))
        var rest: Block?
        for part in copies.dropFirst(minimum).reversed() {
            var inner = part
            if let rest {
                connect(part.exit, to: rest.entry)
                inner.exit = rest.exit
            }
            rest = try optional(inner, isGreedy)
        }
        if let rest { blocks.append(rest) }
        concatenate(rest == nil ? minimum : minimum + 1)
    }

    /// The block itself, which is the last, and copies behind it: `times` in all, at least 1.
    private mutating func copy(_ block: Block, times: Int) throws(RegularExpressionError) -> [Block] {
        let size = instructions.count - block.start
        guard instructions.count + size * (times - 1) <= Limits.instructions else { throw tooLarge }
        var copies = [block]
        if times == 1 { return copies }
        let code = Array(instructions[block.start...])
        for number in 1..<times {
            let distance = UInt32(number * size)
            for var instruction in code {
                if instruction.next != Program.Instruction.none { instruction.next += distance }
                if instruction.operation == .choice, instruction.argument != Program.Instruction.none {
                    instruction.argument += distance
                }
                instructions.append(instruction)
            }
            copies.append(
                Block(
                    start: block.start + Int(distance), entry: block.entry + distance, exit: block.exit + distance,
                    isNullable: block.isNullable))
        }
        return copies
    }

    private mutating func plus(_ block: Block, _ isGreedy: Bool) throws(RegularExpressionError) -> Block {
        let loop = try emitChoice(block.entry, isGreedy: isGreedy)
        connect(block.exit, to: loop)
        return Block(start: block.start, entry: block.entry, exit: loop, isNullable: block.isNullable)
    }

    private mutating func star(_ block: Block, _ isGreedy: Bool) throws(RegularExpressionError) -> Block {
        // (x+)? where x can be empty: in a plain loop the preference among empty alternatives would come out wrong
        // (https://go.dev/issue/46123).
        if block.isNullable { return try optional(plus(block, isGreedy), isGreedy) }
        let loop = try emitChoice(block.entry, isGreedy: isGreedy)
        connect(block.exit, to: loop)
        return Block(start: block.start, entry: loop, exit: loop, isNullable: true)
    }

    private mutating func optional(_ block: Block, _ isGreedy: Bool) throws(RegularExpressionError) -> Block {
        let choice = try emitChoice(block.entry, isGreedy: isGreedy)
        let exit = try emit(.jump)
        connect(choice, to: exit)
        connect(block.exit, to: exit)
        return Block(start: block.start, entry: choice, exit: exit, isNullable: true)
    }
}
