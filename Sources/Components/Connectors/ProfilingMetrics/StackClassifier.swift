import OTLP

/// What the stacks of one message count as. Each stack of its dictionary is looked at once.
///
/// A sample belongs to its leaf: to the kernel if the leaf is kernel code, else to user code and to the leaf's
/// language. For kernel code the whole kernel part of the stack says what it does.
struct StackClassifier {
    struct Stack {
        /// False for the empty stack, and for indices that lead nowhere.
        var counts = false
        /// `.kernel` or `.user`.
        var kind = MetricName.user
        /// What user code is counted as besides.
        var language = MetricName.other
        /// Name of the library (native) or of the system call (kernel).
        var name: NameTable.Number = 0
        var kernelClass = KernelClass.none
        var isComplete = true
        /// Of the first frame that is not kernel code; 0 if there is none.
        var userType: NameTable.Number = 0
        var leafType: NameTable.Number = 0
    }

    private let table: [OTLPStack]
    private var stacks: [Stack?]

    init(_ dictionary: OTLPProfilesDictionary) {
        table = dictionary.stackTable
        stacks = Array(repeating: nil, count: table.count)
    }

    var count: Int { stacks.count }

    /// The locations of a stack, leaf first.
    func locations(at index: Int) -> [Int32] { table[index].locationIndices }

    /// - Parameter index: A place in the stack table.
    mutating func stack(at index: Int, _ frames: inout FrameClassifier, _ names: inout NameTable) -> Stack {
        if let known = stacks[index] { return known }
        let stack = Self.classify(table[index].locationIndices, &frames, &names)
        stacks[index] = stack
        return stack
    }

    private static func classify(
        _ locations: [Int32], _ frames: inout FrameClassifier, _ names: inout NameTable
    ) -> Stack {
        var stack = Stack()
        guard let leaf = locations.first else { return stack }
        stack.counts = true
        // A frame that cannot be resolved is of no known type.
        let leafFrame = frames.frame(at: leaf, &names) ?? .init()
        stack.leafType = leafFrame.typeName
        if let root = locations.last, let frame = frames.frame(at: root, &names) {
            stack.isComplete = !frame.isIncompleteMarker
        }
        guard leafFrame.type == .kernel else {
            stack.language = MetricName(of: leafFrame.type)
            stack.userType = leafFrame.typeName
            if leafFrame.type == .native { stack.name = frames.sharedLibrary(at: leaf, &names) }
            return stack
        }
        stack.kind = .kernel
        var isClassified = false
        for location in locations {
            guard let frame = frames.frame(at: location, &names) else { break }
            guard frame.type == .kernel else {
                stack.userType = frame.typeName
                break
            }
            // The system call nearest to the leaf ends what is classified.
            if isClassified { continue }
            if frame.kernelClass.hasPriority(over: stack.kernelClass) { stack.kernelClass = frame.kernelClass }
            if frame.systemCall != 0 {
                stack.name = frame.systemCall
                isClassified = true
            }
        }
        stack.kernelClass = KernelRules.corrected(stack.kernelClass, systemCall: names[stack.name])
        return stack
    }
}
