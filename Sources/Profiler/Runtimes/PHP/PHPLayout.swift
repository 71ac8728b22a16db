/// Where fields lie in PHP's structs, in bytes; the same on x86_64 and arm64, with threads and without.
///
/// Constant in all versions are zend_execute_data, zend_string, zend_op and the beginnings of zend_function and
/// zend_class_entry: those stand in runtimes/php.bpf.c.
struct PHPLayout: Hashable, Sendable {
    /// zend_executor_globals (Zend/zend_globals.h).
    var currentFrame: Int
    // zend_op_array (Zend/zend_compile.h).
    var functionOps: Int
    var functionOpCount: Int
    var functionFileName: Int
    /// Its last line is 4 further on.
    var functionFirstLine: Int
    // zend_generator (Zend/zend_generators.h).
    var generatorFrame: Int
    var generatorParent: Int

    /// By the headers of the version; nil for an unknown one.
    init?(_ version: PHPVersion) {
        guard version.isSupported else { return nil }
        currentFrame = version < PHPVersion(major: 8, minor: 5) ? 488 : 512
        switch (version.major, version.minor) {
        case (7, 3): (functionOps, functionOpCount, functionFileName) = (64, 60, 128)
        // A pointer to static variables came before the file's name.
        case (7, 4): (functionOps, functionOpCount, functionFileName) = (64, 60, 136)
        // Attributes, before the operations.
        case (8, 0), (8, 1): (functionOps, functionOpCount, functionFileName) = (72, 68, 144)
        // Internal functions have a run-time cache too: it moved, and left gaps that 8.3 closed.
        case (8, 2): (functionOps, functionOpCount, functionFileName) = (88, 80, 152)
        case (8, 3): (functionOps, functionOpCount, functionFileName) = (80, 76, 144)
        // The documentation's text moved, hooks of properties came.
        case (8, 4), (8, 5): (functionOps, functionOpCount, functionFileName) = (104, 96, 168)
        default: return nil
        }
        functionFirstLine = functionFileName + 8
        // Behind the object; until 7.4 behind an iterator too.
        generatorFrame = version.major == 7 ? 64 : 56
        generatorParent = generatorFrame + 96
    }
}
