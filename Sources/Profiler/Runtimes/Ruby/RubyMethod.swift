import Processes
import RuntimeSupport

/// A method entry (rb_method_entry_t, method.h): an object that says of what class a method is, and what it consists of.
/// Such objects are moved, and their places are taken by others.
struct RubyMethod<Memory: MemoryReader> {
    let objects: RubyObjects<Memory>
    /// rb_method_definition_t.
    let definition: UInt64
    let definedClass: UInt64

    private static var nameLimit: Int { 1024 }

    /// Nil when there is no method entry, or no longer.
    init?(at address: UInt64, _ objects: RubyObjects<Memory>) {
        guard RubyObjects<Memory>.canBeObject(address), let bytes = try? objects.memory.readBytes(at: address, count: 24)
        else { return nil }
        let flags = RubyCodeReader<Memory>.word(bytes, 0)
        // T_IMEMO, of the type imemo_ment.
        guard flags & 0x1f == 0x1a, flags >> 12 & 15 == 6 else { return nil }
        self.objects = objects
        definedClass = RubyCodeReader<Memory>.word(bytes, 8)
        definition = RubyCodeReader<Memory>.word(bytes, 16)
    }

    /// Whether it consists of the instruction sequence that has this body.
    func runs(_ body: UInt64) -> Bool {
        // The type in the lowest four bits: 0 for instructions. Then `body.iseq.iseqptr`, and that one's body.
        guard body != 0, let head = try? objects.memory.readBytes(at: definition, count: 16), head[0] & 15 == 0,
            let found = try? objects.memory.read(
                at: RubyCodeReader<Memory>.word(head, 8) &+ 16, as: UInt64.self)
        else { return false }
        return found == body
    }

    /// "Array#", "Array.", or empty.
    var classPrefix: String { objects.classPrefix(definedClass, limit: Self.nameLimit) }
}
