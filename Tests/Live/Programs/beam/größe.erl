%% Names that are not ASCII, names that Erlang quotes, a module as Elixir names them.
-module('Elixir.Größe.Länge').
-export([main/0]).

'höhe?'(0, Acc) -> Acc;
'höhe?'(N, Acc) ->
    'höhe?'(N - 1, (Acc + N * 31) band 16#ffffff).

'日本語 a:b/c'(N) ->
    'höhe?'(2000000, N) + 1.

main() ->
    _ = '日本語 a:b/c'(1),
    main().
