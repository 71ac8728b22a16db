import ObjectFiles
import RuntimeSupport

/// Where fields of HotSpot's structs are, in bytes from their object's start. Several JDKs export a field under two
/// names, of which the one that is named first here is right.
struct JVMLayout: Sendable, Hashable {
    /// Where compiled code keeps what tells source positions.
    enum DebugInformation: Sendable, Hashable {
        /// In the nmethod (until JDK 22): offsets from its start of PcDescs, of what follows them, and of Method
        /// pointers; the scopes' own data by such an offset, too, or by a pointer to them.
        case within(scopes: Int, isPointer: Bool, pcs: Int, pcsEnd: Int, metadata: Int)
        /// Apart from it (since JDK 23), pointed to, PcDescs before scopes.
        case apart(data: Int, size: Int, pcs: Int, scopes: Int, referenceCount: Int?, metadata: Metadata)
    }

    enum Metadata: Sendable, Hashable {
        /// An offset of 16 bits from the blob's data.
        case inBlob(dataOffset: Int, offset: Int)
        /// Behind the relocations of other memory.
        case apart(data: Int, size: Int, relocationSize: Int)
    }

    var heapBlockBytes: Int
    var heapBlockUsed: Int
    // CodeBlob.
    var blobName: Int
    var blobSize: Int
    var blobFrameComplete: Int
    var blobFrameSize: Int
    var blobCodeBegin: Int
    var blobCodeEnd: Int
    /// The two above, and the deoptimization handlers, are offsets of 32 bits from the blob's start, not pointers.
    var hasCodeOffsets: Bool
    // nmethod.
    var nmethodBytes: Int
    var nmethodMethod: Int
    var nmethodCompilation: Int
    var nmethodOriginalPC: Int
    var nmethodDeoptimize: Int?
    var nmethodDeoptimizeHandle: Int?
    var debugInformation: DebugInformation
    var pcDescBytes: Int
    var pcDescOffset: Int
    var pcDescScope: Int
    // Names.
    var methodConstMethod: Int
    var constMethodBytes: Int
    var constMethodConstants: Int
    var constMethodFlags: Int
    var constMethodCodeSize: Int
    var constMethodName: Int
    var constMethodSignature: Int
    var constantPoolBytes: Int
    var constantPoolHolder: Int
    /// 16 bits: in the constant pool since JDK 15, before in the class.
    var sourceFileIndex: Int?
    var isSourceFileInClass: Bool
    var klassName: Int
    var symbolLength: Int
    var symbolBody: Int

    /// Words from the frame pointer down to where the interpreter keeps its place (frame_x86.hpp, frame_aarch64.hpp).
    var bytecodeSlot: Int
    /// Since JDK 20 a number's encoding has no byte of value 0 (utilities/unsigned5.hpp).
    var excludesZeroByte: Bool

    /// - Parameter major: the JDK's.
    init(_ structs: VMStructs, major: Int, machine: ELFMachine) throws(RuntimeError) {
        heapBlockBytes = try structs.size(of: "HeapBlock")
        heapBlockUsed = try structs.require("HeapBlock::Header._used")
        blobName = try structs.require("CodeBlob._name")
        blobSize = try structs.require("CodeBlob._size")
        blobFrameComplete = try structs.require("CodeBlob._frame_complete_offset")
        blobFrameSize = try structs.require("CodeBlob._frame_size")
        hasCodeOffsets = structs.first("CodeBlob._code_begin") == nil
        blobCodeBegin = try structs.require("CodeBlob._code_begin", "CodeBlob._code_offset")
        blobCodeEnd =
            hasCodeOffsets
            ? try structs.require("CodeBlob._data_offset") : try structs.require("CodeBlob._code_end")
        nmethodBytes = try structs.size(of: "nmethod")
        nmethodMethod = try structs.require("CompiledMethod._method", "nmethod._method")
        nmethodCompilation = try structs.require("nmethod._compile_id")
        nmethodOriginalPC = try structs.require("nmethod._orig_pc_offset")
        nmethodDeoptimize = structs.first(
            "CompiledMethod._deopt_handler_begin", "nmethod._deopt_handler_entry_offset",
            "nmethod._deopt_handler_offset", "nmethod._deoptimize_offset")
        nmethodDeoptimizeHandle = structs.first(
            "CompiledMethod._deopt_mh_handler_begin", "nmethod._deopt_mh_handler_offset",
            "nmethod._deoptimize_mh_offset")
        debugInformation = try Self.debugInformation(structs)
        pcDescBytes = try structs.size(of: "PcDesc")
        pcDescOffset = try structs.require("PcDesc._pc_offset")
        pcDescScope = try structs.require("PcDesc._scope_decode_offset")

        methodConstMethod = try structs.require("Method._constMethod")
        constMethodBytes = try structs.size(of: "ConstMethod")
        constMethodConstants = try structs.require("ConstMethod._constants")
        constMethodFlags = try structs.require("ConstMethod._flags._flags", "ConstMethod._flags")
        constMethodCodeSize = try structs.require("ConstMethod._code_size")
        constMethodName = try structs.require("ConstMethod._name_index")
        constMethodSignature = try structs.require("ConstMethod._signature_index")
        constantPoolBytes = try structs.size(of: "ConstantPool")
        constantPoolHolder = try structs.require("ConstantPool._pool_holder")
        sourceFileIndex = structs.first("ConstantPool._source_file_name_index", "InstanceKlass._source_file_name_index")
        isSourceFileInClass = structs.first("ConstantPool._source_file_name_index") == nil
        klassName = try structs.require("Klass._name")
        if let length = structs.first("Symbol._length") {
            symbolLength = length
        } else {
            symbolLength = try structs.require("Symbol._length_and_refcount") + 2
        }
        symbolBody = try structs.require("Symbol._body")

        // Since the code cache has several heaps (JDK 9), interpreted frames keep the class alive in a word of their
        // own.
        let hasMirror = structs.statics["CodeCache._heaps"] != nil
        bytecodeSlot = hasMirror ? (machine == .aarch64 ? 9 : 8) : 7
        excludesZeroByte = major >= 20
        try check()
    }

    /// Where a blob's code begins or ends, as the field at `offset` of its head says: a process address.
    func codePlace(_ offset: Int, of blob: UInt64, _ head: [UInt8]) -> UInt64? {
        hasCodeOffsets
            ? Words(head).int(offset).map { blob &+ UInt64(bitPattern: Int64($0)) } : Words(head).word(offset)
    }

    private static func debugInformation(_ structs: VMStructs) throws(RuntimeError) -> DebugInformation {
        if let data = structs.first("nmethod._immutable_data") {
            let metadata: Metadata
            if let mutable = structs.first("CodeBlob._mutable_data") {
                metadata = .apart(
                    data: mutable, size: try structs.require("CodeBlob._mutable_data_size"),
                    relocationSize: try structs.require("CodeBlob._relocation_size"))
            } else {
                metadata = .inBlob(
                    dataOffset: try structs.require("CodeBlob._data_offset"),
                    offset: try structs.require("nmethod._metadata_offset"))
            }
            return .apart(
                data: data, size: try structs.require("nmethod._immutable_data_size"),
                pcs: try structs.require("nmethod._scopes_pcs_offset"),
                scopes: try structs.require("nmethod._scopes_data_offset"),
                referenceCount: structs.first("nmethod._immutable_data_ref_count_offset"), metadata: metadata)
        }
        let pointer = structs.first("CompiledMethod._scopes_data_begin")
        let scopes = if let pointer { pointer } else { try structs.require("nmethod._scopes_data_offset") }
        return .within(
            scopes: scopes, isPointer: pointer != nil,
            pcs: try structs.require("nmethod._scopes_pcs_offset"),
            pcsEnd: try structs.require("nmethod._dependencies_offset"),
            metadata: try structs.require("nmethod._metadata_offset"))
    }

    /// What is read of these is read at once, and the kernel side reads no more than a block's first bytes.
    private func check() throws(RuntimeError) {
        let ofBlob = [
            blobName, blobSize, blobFrameComplete, blobFrameSize, blobCodeBegin, blobCodeEnd, nmethodMethod,
            nmethodDeoptimize ?? 0, nmethodDeoptimizeHandle ?? 0,
        ]
        let pointers = [blobName, nmethodMethod] + (hasCodeOffsets ? [] : [blobCodeBegin, blobCodeEnd])
        let fitsKernelSide =
            heapBlockBytes <= 64 && heapBlockBytes % 8 == 0 && heapBlockUsed < heapBlockBytes
            && ofBlob.allSatisfy { $0 % 2 == 0 && $0 + heapBlockBytes <= 248 } && pointers.allSatisfy { $0 % 8 == 0 }
        let fitsMethods =
            [constMethodConstants, constMethodFlags, constMethodCodeSize, constMethodName, constMethodSignature]
            .allSatisfy { $0 + 2 <= constMethodBytes } && constMethodBytes <= 256 && constantPoolBytes <= 1024
            && constantPoolBytes % 8 == 0 && symbolLength < 32 && symbolBody < 32
        let fitsCompiled =
            nmethodBytes <= 1024 && nmethodMethod + 8 <= nmethodBytes && nmethodCompilation + 4 <= nmethodBytes
            && pcDescBytes <= 64 && pcDescOffset + 4 <= pcDescBytes && pcDescScope + 4 <= pcDescBytes
        guard fitsKernelSide, fitsMethods, fitsCompiled else {
            throw RuntimeError(.unsupported, "HotSpot's structs are not laid out as any known version's")
        }
    }
}
