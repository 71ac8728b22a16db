import CBPFInterface
import Glibc

/// Loads unwinders of managed runtimes beside the kernel side's other programs. May be handed to any thread: the verifier
/// takes its time, which the thread that reads the trace buffer does not have.
public struct UnwinderLoader: Sendable {
    let settings: kernel_settings
    /// The kernel side's maps, which belong to `KernelSide`.
    let shared: [(name: String, descriptor: Int32)]

    /// Loads an unwinder and makes it known to the other programs. Blocks, usually for well below a second.
    ///
    /// - Parameters:
    ///   - object: the BPF object's name.
    ///   - program: its unwinder.
    ///   - slot: `enum unwinder`.
    ///   - processesMap: its map from process ids to what the unwinder must know.
    public func load(
        object: String, program: String, slot: UInt32, processesMap: String
    ) throws(BPFError) -> LoadedUnwinder {
        var settings = self.settings
        let loaded = try KernelSide.load(object, sharing: shared, &settings, framesPerCall: [36, 24, 16, 8, 4])
        guard let unwinders = shared.first(where: { $0.name == "unwinders" }) else {
            throw BPFError(action: "find the array of unwinders", errorNumber: ENOENT)
        }
        let processes = try loaded.map(named: processesMap)
        try BPFMap(descriptor: unwinders.descriptor, name: "unwinders")
            .update(slot, try loaded.program(named: program))
        return LoadedUnwinder(object: loaded, processes: processes, framesPerCall: settings.frames_per_call)
    }
}

/// A loaded unwinder; its program and its map stay in the kernel as long as this lives. Belongs to one thread, its map to
/// any.
public final class LoadedUnwinder {
    private let object: BPFObject
    public let processes: BPFMap
    /// Frames that the verifier let it do in one call.
    public let framesPerCall: UInt32

    init(object: BPFObject, processes: BPFMap, framesPerCall: UInt32) {
        self.object = object
        self.processes = processes
        self.framesPerCall = framesPerCall
    }
}
