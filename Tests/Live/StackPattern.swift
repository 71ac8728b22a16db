/// What a frame may look like.
enum FramePattern: Sendable, CustomStringConvertible {
    /// A function of exactly this name; parameters, return type and the compiler's suffixes are ignored.
    case function(String)
    /// A function whose name contains the text: for names that profilers write differently.
    case functionContaining(String)
    /// Any code of the file.
    case object(String)
    case kernel
    /// Code of a managed runtime: the function of exactly this name, in the file, at one of the lines.
    case managed(String, file: String, lines: ClosedRange<Int>)
    /// Code of a managed runtime whose function's name begins with one of these.
    case managedWithPrefix([String])
    /// Any function of a managed runtime in the file.
    case managedIn(String)
    /// Code of a managed runtime: a function whose name contains the text.
    case managedContaining(String)
    /// Any code of a managed runtime.
    case anyManaged
    /// Any code in a file that is the processor's own.
    case native
    /// As `managed`, of the processor's own code.
    case nativeAt(String, file: String, lines: ClosedRange<Int>)
    indirect case either(FramePattern, FramePattern)

    func matches(_ frame: ProofFrame) -> Bool {
        switch self {
        case .function(let wanted): !frame.isKernel && frame.name.map { Self.name($0, is: wanted) } ?? false
        case .functionContaining(let text): !frame.isKernel && frame.name?.contains(text) ?? false
        case .object(let wanted): !frame.isKernel && frame.object == wanted
        case .kernel: frame.isKernel
        case .managed(let name, let file, let lines):
            frame.type != nil && frame.name == name && frame.file == file && lines.contains(frame.line)
        case .managedWithPrefix(let prefixes):
            frame.type != nil && prefixes.contains { frame.name?.hasPrefix($0) ?? false }
        case .managedIn(let file): frame.type != nil && frame.file == file
        case .managedContaining(let text): frame.type != nil && frame.name?.contains(text) ?? false
        case .anyManaged: frame.type != nil
        case .native: !frame.isKernel && frame.type == nil && !frame.isMarker
        case .nativeAt(let name, let file, let lines):
            !frame.isKernel && frame.type == nil && frame.name == name && frame.file == file && lines.contains(frame.line)
        case .either(let first, let second): first.matches(frame) || second.matches(frame)
        }
    }

    /// `long proof::Chain<int>::middle<long>(int&) [clone .cold]` is `proof::Chain<int>::middle<long>`.
    static func name(_ name: String, is wanted: String) -> Bool {
        for start in name.indices where name[start...].hasPrefix(wanted) {
            guard start == name.startIndex || name[name.index(before: start)] == " " else { continue }
            let rest = name[start...].dropFirst(wanted.count)
            if rest.isEmpty || ["(", "@@", "@GLIBC", ".", " ["].contains(where: rest.hasPrefix) { return true }
        }
        return false
    }

    var description: String {
        switch self {
        case .function(let name): name
        case .functionContaining(let text): "…\(text)…"
        case .object(let name): "[\(name)]"
        case .kernel: "kernel"
        case .managed(let name, let file, let lines): "\(name) [\(file):\(lines.lowerBound)-\(lines.upperBound)]"
        case .managedWithPrefix(let prefixes): prefixes.map { "\($0)…" }.joined(separator: "|")
        case .managedIn(let file): "[\(file)]"
        case .managedContaining(let text): "…\(text)…"
        case .anyManaged: "managed"
        case .native: "native"
        case .nativeAt(let name, let file, let lines): "\(name) [\(file):\(lines.lowerBound)-\(lines.upperBound)]"
        case .either(let first, let second): "\(first)|\(second)"
        }
    }
}

/// A whole stack, leaf first, down to the thread's root.
struct StackPattern: Sendable, CustomStringConvertible {
    struct Element: Sendable {
        var frame: FramePattern
        var minimum: Int
        var maximum: Int
    }
    var elements: [Element]

    init(_ elements: Element...) { self.elements = elements }
    init(_ elements: [Element]) { self.elements = elements }

    static func + (left: StackPattern, right: StackPattern) -> StackPattern {
        StackPattern(left.elements + right.elements)
    }

    /// Whether every frame, from the leaf to the root, is accounted for.
    func matches(_ frames: [ProofFrame]) -> Bool {
        // The positions in the pattern that can be reached with the frames read so far: an automaton, so that the time
        // is bounded by frames × elements.
        var counts: Set<Position> = [Position(element: 0, count: 0)]
        counts = closure(counts)
        for frame in frames {
            var next: Set<Position> = []
            for position in counts where position.element < elements.count {
                let element = elements[position.element]
                guard position.count < element.maximum, element.frame.matches(frame) else { continue }
                // Beyond the minimum an unbounded element need not count.
                let count = element.maximum == .max ? min(position.count + 1, element.minimum) : position.count + 1
                next.insert(Position(element: position.element, count: count))
            }
            if next.isEmpty { return false }
            counts = closure(next)
        }
        return counts.contains { $0.element == elements.count }
    }

    private struct Position: Hashable {
        var element: Int
        var count: Int
    }

    private func closure(_ positions: Set<Position>) -> Set<Position> {
        var all = positions
        var open = Array(positions)
        while let position = open.popLast() {
            guard position.element < elements.count, position.count >= elements[position.element].minimum else {
                continue
            }
            let next = Position(element: position.element + 1, count: 0)
            if all.insert(next).inserted { open.append(next) }
        }
        return all
    }

    var description: String {
        elements.map { element in
            switch (element.minimum, element.maximum) {
            case (1, 1): "\(element.frame)"
            case (0, 1): "\(element.frame)?"
            case (0, .max): "\(element.frame)*"
            case (1, .max): "\(element.frame)+"
            default: "\(element.frame)×\(element.minimum)"
            }
        }.joined(separator: " < ")
    }
}

extension StackPattern.Element {
    static func one(_ frame: FramePattern) -> Self { Self(frame: frame, minimum: 1, maximum: 1) }
    static func function(_ name: String) -> Self { one(.function(name)) }
    static func functionContaining(_ text: String) -> Self { one(.functionContaining(text)) }
    static func optional(_ frame: FramePattern) -> Self { Self(frame: frame, minimum: 0, maximum: 1) }
    static func oneOrMore(_ frame: FramePattern) -> Self { Self(frame: frame, minimum: 1, maximum: .max) }
    static func zeroOrMore(_ frame: FramePattern) -> Self { Self(frame: frame, minimum: 0, maximum: .max) }
    static func times(_ count: Int, _ frame: FramePattern) -> Self {
        Self(frame: frame, minimum: count, maximum: count)
    }
}
