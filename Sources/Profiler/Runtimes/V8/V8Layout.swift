import ObjectFiles

/// Where V8 keeps what is needed, by version: offsets in bytes from an object's start, indexes of words where it says so.
///
/// Taken from the executable's own metadata; what a version leaves out, by accident or because it was not meant to be
/// known, comes from its source (src/objects/*.tq, src/execution/frame-constants.h).
struct V8Layout: Hashable, Sendable {
    struct Types: Hashable, Sendable {
        var shared: UInt16
        var scopeInfo: UInt16
        var script: UInt16
        var code: UInt16
        var bytecodeArray: UInt16
        /// What instructions lie in: until 11.0 the Code itself.
        var instructions: UInt16
        var debugInfo: UInt16?
        /// Strings' types are those below it.
        var firstNonstring: UInt16
        /// Wraps a SharedFunctionInfo.
        var sharedWrapper: UInt16?
        /// Undefined, and a place that holds nothing.
        var withoutValue: Set<UInt16>
        /// WebAssembly's objects.
        var webAssemblyModule: UInt16?
        var webAssemblyInstance: UInt16?
    }

    var types: Types

    // JSFunction, SharedFunctionInfo, Script.
    var functionShared: Int
    var sharedNameOrScopeInfo: Int
    var sharedScript: Int
    /// Number of the function in its script: `function_literal_id`.
    var sharedNumber: Int
    var scriptName: Int
    var scriptSource: Int
    var scriptLineOffset: Int
    var scriptLineEnds: Int
    var scriptNumber: Int

    // ScopeInfo: where its words begin, and which of them are what.
    var scopeInfoStart: Int
    var scopeInfoFirstLocal: Int
    var scopeInfoLocalCount: Int
    /// The word of the start position; the end's follows. Nil: both are found behind the names.
    var scopeInfoPosition: Int?

    // Frames: bytes below the frame pointer.
    var frameBytecodeArray: Int

    // BytecodeArray.
    var bytecodeLength: Int
    var bytecodePositions: Int
    var bytecodeData: Int

    /// Whether differences in tables of positions have flags.
    var positionsHaveFlags: Bool

    // Code.
    var codeStart: Int
    /// Nil: the instructions follow in the object itself, from codeStart on.
    var codeOfInstructions: Int?
    var codeSize: Int
    var codeFlags: Int
    var codeDeoptimization: Int
    var codePositions: Int
    /// Kinds of code (`CodeKind`): nil where there is no such compiler.
    var baselineKind: UInt32?
    var middleKind: UInt32?
    var kindMask: UInt32

    // Words of the data for deoptimization, an array.
    var deoptimizationInlinedCount: Int
    var deoptimizationLiterals: Int
    var deoptimizationShared: Int
    var deoptimizationInlining: Int

    /// Nil when the version is older than 8.1, or its metadata does not say what is indispensable.
    init?(_ data: V8Metadata) {
        let version = data.version
        guard version >= V8Version(8, 1) else { return nil }
        // Neither compressed pointers nor small integers of 31 bits.
        guard data["SmiTag"] == 0, data["SmiTagMask"] == 1, data["SmiShiftSize"] == 31, data["HeapObjectTag"] == 1,
            (data["HeapObjectTagMask"] ?? 3) == 3, (data["class_Map__instance_type__uint16_t"] ?? 12) == 12
        else { return nil }
        guard let shared = data.type("SharedFunctionInfo"), let scopeInfo = data.type("ScopeInfo"),
            let script = data.type("Script"), let code = data.type("Code"),
            let bytecodeArray = data.type("BytecodeArray")
        else { return nil }
        let hasStreams = version >= V8Version(11, 1, 204)
        guard let instructions = hasStreams ? data.type("InstructionStream") : code else { return nil }
        types = Types(
            shared: shared, scopeInfo: scopeInfo, script: script, code: code, bytecodeArray: bytecodeArray,
            instructions: instructions, debugInfo: data.type("DebugInfo"),
            firstNonstring: data["FirstNonstringType"].map { UInt16(truncatingIfNeeded: $0) }
                ?? (version < V8Version(9, 5) ? 64 : 128),
            sharedWrapper: data.type("SharedFunctionInfoWrapper"),
            withoutValue: Set([data.type("Oddball"), data.type("Hole")].compactMap { $0 }), webAssemblyModule: data.type("WasmModuleObject"),
            webAssemblyInstance: data.type("WasmInstanceObject"))

        guard let functionShared = data.field("JSFunction", "shared__SharedFunctionInfo"),
            let name = data.field(
                "SharedFunctionInfo", "name_or_scope_info__Object", "name_or_scope_info__Tagged_Object_",
                "name_or_scope_info__Tagged_NameOrScopeInfoT_"),
            let sharedScript = data.field(
                "SharedFunctionInfo", "script_or_debug_info__HeapObject", "script_or_debug_info__Object",
                "script__Tagged_HeapObject_", "raw_script__Tagged_Object_"),
            let flags = data.field("SharedFunctionInfo", "flags__int"),
            let scriptName = data.field("Script", "name__Object"),
            let lineEnds = data.field("Script", "line_ends__Object")
        else { return nil }
        self.functionShared = functionShared
        sharedNameOrScopeInfo = name
        self.sharedScript = sharedScript
        sharedNumber = flags + 4
        self.scriptName = scriptName
        scriptSource = scriptName - 8
        scriptLineOffset = scriptName + 8
        scriptLineEnds = lineEnds
        scriptNumber = lineEnds + 8

        scopeInfoStart = version >= V8Version(9, 1, 71) ? 8 : 16
        scopeInfoFirstLocal = data["scopeinfo_idx_first_vars"] ?? 3
        scopeInfoLocalCount = data["scopeinfo_idx_ncontextlocals"] ?? 2
        scopeInfoPosition = version >= V8Version(12, 8, 44) ? 3 : nil

        frameBytecodeArray = data["off_fp_bytecode_array"].map { -$0 } ?? (version >= V8Version(8, 7, 198) ? 32 : 24)

        bytecodeLength = 8
        let bytecodeIsWrapped = data["class_BytecodeArray__wrapper__Tagged_BytecodeWrapper_"] != nil
        bytecodePositions =
            data["class_BytecodeArray__source_position_table__Object"] ?? (bytecodeIsWrapped ? 24 : 32)
        bytecodeData = data["class_BytecodeArray__data__uintptr_t"] ?? bytecodePositions + 22

        positionsHaveFlags = version >= V8Version(14, 0)

        if hasStreams {
            let start = data.field("Code", "instruction_start__Address") ?? 40
            codeStart = start
            codeOfInstructions = 8
            if data.type("CodeWrapper") != nil {
                codePositions = start - 24
                codeFlags = data.field("Code", "flags__uint32_t") ?? start + 8
                codeSize = data.field("Code", "instruction_size__int") ?? codeFlags + 4
            } else {
                codePositions = start - 16
                codeFlags = start + 8
                codeSize = codeFlags + (version < V8Version(11, 4, 59) ? 8 : 4)
            }
        } else {
            guard let start = data.field("Code", "instruction_start__uintptr_t"),
                let size = data.field("Code", "instruction_size__int")
            else { return nil }
            codeStart = start
            codeOfInstructions = nil
            codeSize = size
            codePositions = size - 16
            codeFlags = data.field("Code", "flags__uint32_t") ?? size + 8
        }
        codeDeoptimization = codePositions - 8
        kindMask = UInt32(truncatingIfNeeded: data["CodeKindFieldMask"] ?? 15)
        baselineKind =
            data["CodeKindBaseline"].map { UInt32(truncatingIfNeeded: $0) }
            ?? (version >= V8Version(9, 0, 240) ? 11 : nil)

        // Maglev, which comes behind the baseline compiler.
        middleKind = version >= V8Version(13, 0) ? baselineKind.map { $0 + 1 } : nil

        let inlinedCount = data["DeoptimizationDataInlinedFunctionCountIndex"] ?? 1
        deoptimizationInlinedCount = inlinedCount
        deoptimizationLiterals = data["DeoptimizationDataLiteralArrayIndex"] ?? inlinedCount + 1
        deoptimizationShared =
            data["DeoptimizationDataSharedFunctionInfoIndex"]
            ?? data["DeoptimizationDataWrappedSharedFunctionInfoIndex"]
            ?? data["DeoptimizationDataSharedFunctionInfoWrapperIndex"] ?? 6
        deoptimizationInlining = data["DeoptimizationDataInliningPositionsIndex"] ?? deoptimizationShared + 1

        // What offsets of a hostile file lead to is not read: all of them lie in small objects.
        let offsets = [
            self.functionShared, sharedNameOrScopeInfo, self.sharedScript, sharedNumber, scriptSource, self.scriptName,
            scriptLineEnds, scopeInfoFirstLocal, scopeInfoLocalCount, frameBytecodeArray, bytecodePositions,
            bytecodeData, codeStart, codeSize, codeFlags, codePositions, codeDeoptimization,
            deoptimizationInlinedCount, deoptimizationLiterals, deoptimizationShared, deoptimizationInlining,
        ]
        guard offsets.allSatisfy({ (0...512).contains($0) }), frameBytecodeArray <= 40, frameBytecodeArray % 8 == 0,
            sharedScript <= 64, sharedScript % 8 == 0, sharedNumber <= 68, sharedNumber % 4 == 0
        else { return nil }
    }
}
