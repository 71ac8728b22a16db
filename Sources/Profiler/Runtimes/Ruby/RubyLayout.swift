/// Where CRuby keeps what is read of it: offsets in bytes within the structs named, the same on x86_64 and arm64, as the
/// headers of each version have them (vm_core.h, iseq.h, method.h, internal/class.h, include/ruby/internal/core).
struct RubyLayout: Hashable, Sendable {
    /// Size of `rb_control_frame_t`.
    var frameBytes: Int
    /// `rb_execution_context_t.thread_ptr`.
    var contextThread: Int
    /// `rb_thread_t.ec`: until 2.7, when the thread is what a native thread knows.
    var threadContext: Int
    /// `rb_thread_t.blocking_region_buffer`.
    var threadBlocking: Int

    // struct rb_iseq_constant_body. `iseq_size` at 4, `iseq_encoded` at 8, `location` at 64.
    var bodyLines: Int
    var bodyLineCount: Int
    /// Until 2.5 entries hold positions; since then an index leads to them.
    var bodyLineIndex: Int?
    var bodyLocal: Int
    /// How many bytes hold all of these.
    var bodyBytes: Int { max(bodyLineCount, bodyLocal, bodyLineIndex ?? 0) + 8 }
    /// struct iseq_insn_info_entry: its size, and the line in it.
    var lineEntryBytes: Int
    var lineEntryLine: Int
    /// `location.first_lineno` is a small integer object, not a number.
    var firstLineIsObject: Bool

    /// RString: text in the object itself.
    var stringText: Int
    /// Its length: among the flags, from this bit on, five bits; nil where it has a field.
    var stringLengthBit: Int?

    /// Classes' names, since 3.3.
    var classes: Classes?

    struct Classes: Hashable, Sendable {
        /// From the object on: rb_classext_t's `classpath` and `as.singleton_class.attached_object`.
        var path: Int
        var attachedObject: Int
        /// Among the flags: FL_SINGLETON.
        var singletonBit: Int
    }

    /// Nil for a version that is not known.
    init?(_ version: RubyVersion) {
        guard version >= .oldest, version <= .newest else { return nil }
        func at(_ major: Int, _ minor: Int) -> RubyVersion { RubyVersion(major: major, minor: minor) }
        let isOldest = version == at(2, 5)
        frameBytes = isOldest ? 48 : version >= at(3, 1) && version < at(3, 3) ? 64 : 56
        threadContext = 32
        contextThread = isOldest ? 72 : version < at(3, 1) ? 56 : 48
        switch version {
        case at(2, 5): threadBlocking = 168
        case at(2, 6), at(2, 7): threadBlocking = 152
        case at(3, 0): threadBlocking = 160
        case at(3, 1): threadBlocking = 168
        case at(3, 2): threadBlocking = 120
        case at(3, 3), at(3, 4): threadBlocking = 248
        default: threadBlocking = version.patch < 6 ? 256 : 264
        }
        if isOldest {
            (bodyLines, bodyLineCount, bodyLocal) = (112, 200, 144)
        } else {
            bodyLines = version < at(3, 2) ? 120 : 112
            bodyLineCount = bodyLines + 16
            bodyLineIndex = bodyLines + 24
            bodyLocal = version < at(3, 2) || version >= at(4, 0) ? 176 : 168
        }
        lineEntryBytes = isOldest || version >= at(3, 1) ? 12 : 8
        lineEntryLine = isOldest ? 4 : 0
        firstLineIsObject = version < at(3, 2)
        stringText = version < at(3, 2) ? 16 : 24
        stringLengthBit = version < at(3, 2) ? 14 : nil
        if version >= at(4, 0) {
            classes = Classes(path: 24 + 128, attachedObject: 24 + 112, singletonBit: 13)
        } else if version >= at(3, 3) {
            classes = Classes(path: 32 + 120, attachedObject: 32 + 96, singletonBit: version >= at(3, 4) ? 13 : 12)
        }
    }
}
