/// All targets; `make fuzz` and the tests run each of them. A new reader of foreign bytes is a folder here, named as
/// its subject, and its targets in this list.
public let fuzzTargets: [FuzzTarget] =
    ELFTargets.all + NotesTargets.all + CallFramesTargets.all + DebugInformationTargets.all + GoFunctionsTargets.all
    + CompressionTargets.all + RunTimeCodeTargets.all + ProcessFilesTargets.all + DemanglersTargets.all
    + KernelSymbolsTargets.all + KeptNamesTargets.all
    + BEAMTargets.all + DotNetTargets.all + JVMTargets.all + V8Targets.all
    + PHPTargets.all + PerlTargets.all + PythonTargets.all + RubyTargets.all
