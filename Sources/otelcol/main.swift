import CEngineSupport

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

engine_use_one_heap()
exit(await OtelcolCommand.execute(Array(CommandLine.arguments.dropFirst())))
