import ObjectFiles
import Processes

/// What a runtime may look at in a process that it attaches to.
public struct InspectedProcess: Sendable {
    /// An executable mapping and its file.
    public struct Module: Sendable {
        public var path: String
        /// Process address = ELF address + bias.
        public var bias: UInt64
        public var file: ELFFile

        public init(path: String, bias: UInt64, file: ELFFile) {
            self.path = path
            self.bias = bias
            self.file = file
        }
    }

    public var memory: RemoteMemory
    /// The executable that holds the runtime.
    public var module: Module
    /// All of the process, by address.
    public var modules: [Module]

    public init(memory: RemoteMemory, module: Module, modules: [Module]) {
        self.memory = memory
        self.module = module
        self.modules = modules
    }
}
