%% Modules that are made, loaded, run and purged one after the other, two at a time: each takes the place of one before it.
-module(churn).
-export([main/0]).

source(Module, Number) ->
    Work = list_to_atom("work_" ++ integer_to_list(Number)),
    File = "made-" ++ integer_to_list(Number),
    A = erl_anno:new(1 + Number rem 1000),
    {Acc, N} = {{var, A, 'Acc'}, {var, A, 'N'}},
    Loop = {function, A, Work, 2, [
        {clause, A, [{integer, A, 0}, Acc], [], [Acc]},
        {clause, A, [N, Acc], [], [
            {call, A, {atom, A, Work}, [
                {op, A, '-', N, {integer, A, 1}},
                {op, A, 'band', {op, A, '+', Acc, N}, {integer, A, 16#ffffff}}]}]}]},
    Run = {function, A, run, 0, [
        {clause, A, [], [], [
            {op, A, '+', {call, A, {atom, A, Work}, [{integer, A, 2000000}, {integer, A, 0}]}, {integer, A, 1}}]}]},
    [{attribute, A, file, {File, 1}}, {attribute, A, module, Module}, {attribute, A, export, [{run, 0}]}, Loop, Run].

loop(Number) ->
    Module = list_to_atom("made_" ++ integer_to_list(Number)),
    {ok, Module, Binary} = compile:forms(source(Module, Number), []),
    {module, Module} = code:load_binary(Module, "made", Binary),
    _ = Module:run(),
    true = code:delete(Module),
    false = code:purge(Module),
    loop(Number + 1).

main() -> loop(1).
