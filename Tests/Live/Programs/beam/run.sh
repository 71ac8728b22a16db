#!/bin/sh
# run.sh [OPTION OF THE EMULATOR...] MODULE.erl: compiles the module in memory and calls its main/0.
for last; do :; done
module=${last%.erl}
options=
while [ $# -gt 1 ]; do
    options="$options $1"
    shift
done
# shellcheck disable=SC2086 # Options have no spaces.
exec erl +S 2 $options -noshell -eval "
    {ok, Module, Binary} = compile:file(\"$module\", [binary, debug_info]),
    {module, Module} = code:load_binary(Module, \"$last\", Binary),
    io:format(\"ready ~s~n\", [os:getpid()]),
    Module:main()."
