import ObjectFiles

/// Gets debug files that this machine does not have, from wherever that is.
public protocol DebugFileProvider: Sendable {
    /// Asks for the debug file of what has this build id. Must not block.
    /// - Parameter completion: called once, from any thread: with the path of the file, which the caller opens soon; nil
    ///   where there is none.
    func debugFile(of buildID: BuildID, _ completion: @escaping @Sendable (_ path: String?) -> Void)
}
