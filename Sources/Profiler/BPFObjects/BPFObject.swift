import CBPFInterface
import CBPFObjects
import CBPFSupport
import CLibBPF
import Glibc

/// One of the embedded object files: opened, configured, loaded. Maps that an object shares with those loaded before it
/// are lent by name.
///
/// Not Sendable: one thread opens and loads it. Programs and maps stay in the kernel until `deinit`.
final class BPFObject {
    let name: String
    private let object: OpaquePointer

    init(named name: String) throws(BPFError) {
        self.name = name
        guard let embedded = embedded_object_named(name) else {
            throw BPFError(action: "find the embedded BPF object \"\(name)\"", errorNumber: 0)
        }
        bpf_log_start()
        let opened: OpaquePointer? = name.withCString { name in
            var options = bpf_object_open_opts()
            options.sz = MemoryLayout<bpf_object_open_opts>.size
            options.object_name = name
            return bpf_object__open_mem(embedded.pointee.bytes, embedded.pointee.size, &options)
        }
        guard let opened else {
            throw BPFError(
                action: "open the BPF object \"\(name)\"", errorNumber: errno, log: String(cString: bpf_log_text()))
        }
        object = opened
    }

    deinit { bpf_object__close(object) }

    /// Sets the read-only constant `settings` that every program has.
    func apply(_ settings: kernel_settings) throws(BPFError) {
        for map in maps() where map.name.hasSuffix(".rodata") {
            // libbpf's version decides whether the pointer is mutable, so the bytes go the long way round.
            var size = 0
            let expected = MemoryLayout<kernel_settings>.size
            let found = bpf_map__initial_value(map.map, &size) != nil && size == expected
            let result = withUnsafePointer(to: settings) { bpf_map__set_initial_value(map.map, $0, expected) }
            guard found, result == 0 else {
                throw BPFError(action: "set the settings of the BPF object \"\(name)\"", errorNumber: EINVAL)
            }
        }
    }

    /// The object's maps with their names, in the order of the source.
    func maps() -> [(name: String, map: OpaquePointer)] {
        var maps: [(String, OpaquePointer)] = []
        var map = bpf_object__next_map(object, nil)
        while let current = map {
            maps.append((String(cString: bpf_map__name(current)), current))
            map = bpf_object__next_map(object, current)
        }
        return maps
    }

    /// Leaves out the maps that the object declares but none of its programs uses; before `load`.
    func createOnly(mapsNamed names: Set<String>) {
        for (name, map) in maps() where !names.contains(name) && !name.hasSuffix(".rodata") {
            bpf_map__set_autocreate(map, false)
        }
    }

    func map(named name: String) throws(BPFError) -> BPFMap {
        guard let map = bpf_object__find_map_by_name(object, name) else {
            throw BPFError(action: "find map \(name) of the BPF object \"\(self.name)\"", errorNumber: ENOENT)
        }
        return BPFMap(descriptor: bpf_map__fd(map), name: name)
    }

    func load() throws(BPFError) {
        bpf_log_start()
        let result = bpf_object__load(object)
        if result != 0 {
            throw BPFError(
                action: "load the BPF object \"\(name)\"", errorNumber: -result, log: String(cString: bpf_log_text()))
        }
    }

    /// Descriptor of a loaded program.
    func program(named name: String) throws(BPFError) -> Int32 {
        guard let program = bpf_object__find_program_by_name(object, name) else {
            throw BPFError(action: "find program \(name) of the BPF object \"\(self.name)\"", errorNumber: ENOENT)
        }
        return bpf_program__fd(program)
    }
}
