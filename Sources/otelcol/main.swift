#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

exit(await OtelcolCommand.execute(Array(CommandLine.arguments.dropFirst())))
