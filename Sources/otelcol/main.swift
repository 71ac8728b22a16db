import CEngineSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

// The arguments come from /proc/self/cmdline, where the program's own name is always the first.
if CommandLine.arguments.isEmpty {
    let message = "Error: /proc is not mounted, by which processes are known: mount -t proc proc /proc\n"
    write(STDERR_FILENO, message, message.utf8.count)
    exit(1)
}
engine_use_one_heap()
exit(await OtelcolCommand.execute(Array(CommandLine.arguments.dropFirst())))
