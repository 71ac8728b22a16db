import CBPFInterface

/// A kind of managed runtime: its place on the kernel side, and its names.
public struct RuntimeKind: Sendable, Hashable {
    /// For people: "CPython".
    public let name: String
    /// Value of the attribute `profile.frame.type` of its frames.
    public let frameType: String
    /// `enum frame_kind` of its frames.
    public let frameKind: UInt8
    /// `enum unwinder`: its slot among the programs, and its bit in `struct process`.
    public let unwinder: UInt32
    /// Name of the BPF object, without its suffixes.
    public let objectName: String
    /// Name of the object's program.
    public let programName: String
    /// Name of the object's map from process ids to facts.
    public let processesMapName: String

    public init(
        name: String, frameType: String, frameKind: UInt8, unwinder: UInt32, objectName: String, programName: String,
        processesMapName: String
    ) {
        self.name = name
        self.frameType = frameType
        self.frameKind = frameKind
        self.unwinder = unwinder
        self.objectName = objectName
        self.programName = programName
        self.processesMapName = processesMapName
    }
}
