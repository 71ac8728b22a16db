import Processes
import RuntimeSupport

/// Reads Ruby's objects. Their first word has flags, the lowest five bits of which say what an object is; the second one
/// leads to their class (struct RBasic).
struct RubyObjects<Memory: MemoryReader> {
    let memory: Memory
    let layout: RubyLayout

    private enum Kind {
        static var `class`: UInt64 { 0x02 }
        static var module: UInt64 { 0x03 }
        static var string: UInt64 { 0x05 }
        static var array: UInt64 { 0x07 }
        static var internalClass: UInt64 { 0x1c }
        static var mask: UInt64 { 0x1f }
    }
    /// FL_USER1: a string whose text, or an array whose elements, lie elsewhere, respectively in the object itself.
    private static var firstUserFlag: UInt64 { 1 << 13 }

    /// Objects are multiples of 8 and beyond what immediate values (nil, true, false, small ones) can be.
    static func canBeObject(_ value: UInt64) -> Bool { value & 7 == 0 && value > 0xff }

    private func flags(of object: UInt64) -> UInt64? {
        Self.canBeObject(object) ? try? memory.read(at: object, as: UInt64.self) : nil
    }

    private func word(_ object: UInt64, _ offset: Int) -> UInt64? {
        try? memory.read(at: object &+ UInt64(offset), as: UInt64.self)
    }

    /// A string's text; nil for another object, or when it is longer than `limit` bytes.
    func string(at object: UInt64, limit: Int) -> String? {
        guard let flags = flags(of: object), flags & Kind.mask == Kind.string else { return nil }
        let isElsewhere = flags & Self.firstUserFlag != 0
        var length: UInt64
        if let bit = layout.stringLengthBit, !isElsewhere {
            length = flags >> UInt64(bit) & 31
        } else {
            guard let stated = word(object, 16) else { return nil }
            length = stated
        }
        guard length <= UInt64(limit) else { return nil }
        let text: UInt64
        if isElsewhere {
            guard let pointer = word(object, 24) else { return nil }
            text = pointer
        } else {
            text = object &+ UInt64(layout.stringText)
        }
        guard let bytes = try? memory.readBytes(at: text, count: Int(length)) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether it is an array with that many elements at least.
    func isArray(_ object: UInt64, atLeast count: UInt64) -> Bool {
        guard let array = elements(of: object) else { return false }
        return array.count >= count
    }

    /// An element of an array.
    func element(_ index: UInt64, of object: UInt64) -> UInt64? {
        guard let array = elements(of: object), index < array.count else { return nil }
        return try? memory.read(at: array.start &+ index &* 8, as: UInt64.self)
    }

    private func elements(of object: UInt64) -> (start: UInt64, count: UInt64)? {
        guard let flags = flags(of: object), flags & Kind.mask == Kind.array else { return nil }
        if flags & Self.firstUserFlag != 0 { return (object &+ 16, flags >> 15 & 0x7f) }
        guard let count = word(object, 16), count < 1 << 32, let start = word(object, 32) else { return nil }
        return (start, count)
    }

    /// Where a piece of code was loaded from: `pathobj` is the path, or an array of it and its real path.
    func path(_ object: UInt64, limit: Int) -> String? {
        if let text = string(at: object, limit: limit) { return text }
        // The second one is nil for code that does not lie in a file.
        for index in [1, 0] as [UInt64] {
            if let element = element(index, of: object), let text = string(at: element, limit: limit) { return text }
        }
        return nil
    }

    /// A class's name as it stands before a method's: "Array#", or "Array." where the method is one of the class itself;
    /// empty for a class without a name.
    func classPrefix(_ definedClass: UInt64, limit: Int) -> String {
        guard let classes = layout.classes, var flags = flags(of: definedClass) else { return "" }
        var object = definedClass
        if flags & Kind.mask == Kind.internalClass {
            // A module in a class's list of ancestors: its own class is the module.
            guard let module = word(object, 8), let moduleFlags = self.flags(of: module) else { return "" }
            (object, flags) = (module, moduleFlags)
        }
        var separator = "#"
        if flags & Kind.mask == Kind.class, flags >> UInt64(classes.singletonBit) & 1 != 0 {
            guard let attached = word(object, classes.attachedObject), let attachedFlags = self.flags(of: attached)
            else { return "" }
            (object, flags, separator) = (attached, attachedFlags, ".")
        }
        guard flags & Kind.mask == Kind.class || flags & Kind.mask == Kind.module,
            let path = word(object, classes.path), let name = string(at: path, limit: limit), !name.isEmpty
        else { return "" }
        return name + separator
    }
}

extension RubyObjects: Sendable where Memory: Sendable {}
