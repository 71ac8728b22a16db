/// What kind of code a frame is, by its attribute `profile.frame.type`.
enum FrameType: UInt8, CaseIterable, Sendable {
    case kernel, native, jvm, cpython, go, v8js, php, perl, ruby, dotnet, rust, beam, luajit
    /// Missing, or a value without a metric of its own, such as the marker of an incomplete stack.
    case other

    static let key = "profile.frame.type"
    /// The type of the frame that says why a stack is incomplete.
    static let incomplete = "abort-marker"

    private static let byName: [String: FrameType] = {
        var byName: [String: FrameType] = [:]
        for type in allCases where type != .other { byName["\(type)"] = type }
        return byName
    }()

    init(named name: String) {
        self = Self.byName[name] ?? .other
    }
}
